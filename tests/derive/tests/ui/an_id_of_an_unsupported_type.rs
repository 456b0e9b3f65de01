use counter_diesel::HasCounters;

#[derive(HasCounters)]
struct Post {
    id: PostId,
}

struct PostId(i64);

#[derive(HasCounters)]
struct User {
    id: u128,
}

fn main() {}
