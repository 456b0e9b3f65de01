//! A blog in SQLite. Its posts have views and likes, are listed by views in one query, and are
//! liked in transactions. Views are counted by days too, so it knows what is read this week.
//!
//! ```sh
//! cargo run --example blog -- write "Hot rows"
//! cargo run --example blog -- show 1          # counts a view
//! cargo run --example blog -- like 1 ada      # unlike 1 ada
//! cargo run --example blog -- list            # most viewed first
//! cargo run --example blog -- trending        # most viewed in the last seven days
//! ```
//!
//! `--database` names the file; the default is `blog.sqlite`. The blog's own migrations are in
//! `blog/migrations`. Those of the counters run separately, so `diesel migration revert` finds only
//! migrations that it knows.

mod blog;
mod schema;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use crate::blog::{Blog, Liked};

#[derive(Parser)]
struct Arguments {
    /// The SQLite file.
    #[arg(long, default_value = "blog.sqlite")]
    database: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Adds a post.
    Write { title: String },
    /// Shows a post, which counts a view.
    Show { post: i32 },
    /// Likes a post, as a reader who has not liked it yet.
    Like { post: i32, reader: String },
    /// Takes a like back.
    Unlike { post: i32, reader: String },
    /// Lists the posts, most viewed first.
    List,
    /// Lists the posts with the most views of the last seven days.
    Trending,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let blog = Blog::open(&arguments.database)?;
    run(&blog, arguments.command)?;
    // Increments wait in the memory of this process, which ends here. A server would have a worker
    // that syncs, or keep them in Redis.
    blog.save()
}

fn run(blog: &Blog, command: Command) -> Result<()> {
    match command {
        Command::Write { title } => println!("post {}", blog.write(&title)?),
        Command::Show { post } => {
            let (post, [views, likes]) = blog.show(post)?.context("no such post")?;
            println!("{}\nviews: {views}, likes: {likes}", post.title);
        }
        Command::Like { post, reader } => match blog.like(post, &reader)? {
            Liked::Changed => println!("liked"),
            Liked::AsBefore => println!("{reader} likes it already"),
        },
        Command::Unlike { post, reader } => match blog.unlike(post, &reader)? {
            Liked::Changed => println!("no longer liked"),
            Liked::AsBefore => println!("{reader} did not like it"),
        },
        Command::List => {
            for row in blog.list(50)? {
                println!(
                    "{:>4}  {:>6} views  {:>6} likes  {}",
                    row.id, row.views, row.likes, row.title
                );
            }
        }
        Command::Trending => {
            for (post, views) in blog.trending(10)? {
                println!("{views:>6} views  {}", post.title);
            }
        }
    }
    Ok(())
}
