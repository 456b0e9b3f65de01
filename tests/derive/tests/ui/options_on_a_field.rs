use counter_diesel::HasCounters;

#[derive(HasCounters)]
struct Post {
    id: i64,
    #[counters(keys(views))]
    title: String,
}

fn main() {}
