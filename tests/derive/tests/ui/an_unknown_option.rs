use counter_diesel::HasCounters;

#[derive(HasCounters)]
#[counters(key(views), owner = "post", table_name = "posts")]
struct Post {
    id: i64,
}

fn main() {}
