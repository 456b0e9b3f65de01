use counter_diesel::HasCounters;

#[derive(HasCounters)]
#[counters(keys(views), key_enum = keys::PostKey)]
struct Post {
    id: i64,
}

fn main() {}
