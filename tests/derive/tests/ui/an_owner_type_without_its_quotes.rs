use counter_diesel::HasCounters;

#[derive(HasCounters)]
#[counters(owner_type = article)]
struct Post {
    id: i64,
}

fn main() {}
