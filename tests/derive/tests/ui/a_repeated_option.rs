use counter_diesel::HasCounters;

#[derive(HasCounters)]
#[counters(keys(views), owner_type = "a", keys(likes))]
#[counters(owner_type = "b")]
struct Post {
    id: i64,
}

fn main() {}
