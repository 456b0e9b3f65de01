use counter_diesel::{HasCounters, Owner};

#[derive(HasCounters)]
struct Post {
    id: i64,
}

fn main() {
    let _ = Owner::new("post", "42");
    let _ = Post::counter_owner(42_u64);
}
