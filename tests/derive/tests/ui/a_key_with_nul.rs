use counter_diesel::HasCounters;

#[derive(HasCounters)]
#[counters(keys(views = "vie\0ws"))]
struct Post {
    id: i64,
}

fn main() {}
