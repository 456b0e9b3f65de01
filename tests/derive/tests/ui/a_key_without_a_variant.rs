use counter_diesel::HasCounters;

#[derive(HasCounters)]
#[counters(keys(_1, self, __ = "dash"))]
struct Post {
    id: i64,
}

fn main() {}
