use counter_diesel::HasCounters;

#[derive(HasCounters)]
#[counters = "views"]
struct Post {
    id: i64,
}

fn main() {}
