use counter_diesel::HasCounters;

#[derive(HasCounters)]
#[counters(key_enum = PostKey)]
struct Post {
    id: i64,
}

fn main() {}
