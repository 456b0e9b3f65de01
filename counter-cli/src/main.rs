//! The command `counter`: shows, changes and syncs counters at a terminal, from timers and from
//! scripts.
//!
//! Reading order: `arguments` lists the subcommands, `commands/` has a file for each, `connect`
//! opens what they need, `output` prints, and `failure` maps errors to exit codes.

mod arguments;
mod commands;
mod connect;
mod failure;
mod key;
mod output;
mod owner;
mod periods;
mod settings;
#[cfg_attr(not(unix), path = "no_signals.rs")]
mod signals;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;
use crate::failure::Exit;

fn main() -> ExitCode {
    // First, because the environment may only change while there is one thread.
    let dotenv = settings::load_dotenv();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(help_or_mistake) => return failure::show_usage(&help_or_mistake).into(),
    };
    let Arguments { settings, output, command } = arguments;
    let done = dotenv.and_then(|()| command.run(&settings, output));
    done.unwrap_or_else(|failure| failure.print(output)).into()
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
