use counter_diesel::HasCounters;

#[derive(HasCounters)]
#[counters(keys(api_calls, apiCalls, calls = "Views", api__calls = "x"))]
struct Post {
    id: i64,
}

fn main() {}
