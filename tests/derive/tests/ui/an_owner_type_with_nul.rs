use counter_diesel::HasCounters;

#[derive(HasCounters)]
#[counters(owner_type = "po\0st")]
struct Post {
    id: i64,
}

fn main() {}
