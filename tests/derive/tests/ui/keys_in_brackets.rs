use counter_diesel::HasCounters;

#[derive(HasCounters)]
#[counters(keys = ["views", "likes"])]
struct Post {
    id: i64,
}

fn main() {}
