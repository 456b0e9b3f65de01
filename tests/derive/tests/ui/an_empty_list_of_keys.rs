use counter_diesel::HasCounters;

#[derive(HasCounters)]
#[counters(keys())]
struct Post {
    id: i64,
}

fn main() {}
