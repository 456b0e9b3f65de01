use counter_diesel::HasCounters;

#[derive(HasCounters)]
#[counters(keys(a::b, views likes, 17, shares(all)))]
struct Post {
    id: i64,
}

fn main() {}
