use counter_diesel::HasCounters;

#[derive(HasCounters)]
#[counters(keys("views", "api-calls", "1"))]
struct Post {
    id: i64,
}

fn main() {}
