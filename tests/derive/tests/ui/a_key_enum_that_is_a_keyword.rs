use counter_diesel::HasCounters;

#[derive(HasCounters)]
#[counters(keys(views), key_enum = enum)]
struct Post {
    id: i64,
}

fn main() {}
