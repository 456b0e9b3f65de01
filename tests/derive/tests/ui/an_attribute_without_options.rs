use counter_diesel::HasCounters;

#[derive(HasCounters)]
#[counters]
struct Post {
    id: i64,
}

fn main() {}
