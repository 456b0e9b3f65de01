use counter_diesel::HasCounters;

#[derive(HasCounters)]
#[counters(owner_type = "global")]
struct Post {
    id: i64,
}

#[derive(HasCounters)]
struct Global {
    id: i64,
}

fn main() {}
