use counter_diesel::{HasCounters, Owner};

#[derive(HasCounters)]
struct Post {
    id: i64,
}

fn main() {
    let _ = Owner::new("post", 4.2);
    let _ = Post::counter_owner(true);
}
