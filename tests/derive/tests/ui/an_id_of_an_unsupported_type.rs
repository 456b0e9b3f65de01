use counter_diesel::HasCounters;

#[derive(HasCounters)]
struct Post {
    id: PostId,
}

struct PostId(i64);

fn main() {}
