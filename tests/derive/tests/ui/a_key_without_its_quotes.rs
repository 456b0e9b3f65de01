use counter_diesel::HasCounters;

#[derive(HasCounters)]
#[counters(keys(api_calls = calls))]
struct Post {
    id: i64,
}

fn main() {}
