use counter_diesel::HasCounters;

#[derive(HasCounters)]
#[counters(zone = offset)]
struct Client {
    id: i64,
    offset: i32,
}

fn main() {}
