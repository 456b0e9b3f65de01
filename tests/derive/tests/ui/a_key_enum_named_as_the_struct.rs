use counter_diesel::HasCounters;

#[derive(HasCounters)]
#[counters(keys(views), key_enum = Post)]
struct Post {
    id: i64,
}

fn main() {}
