use counter_diesel::HasCounters;

#[derive(HasCounters)]
#[counters(keys(views(every(days)), likes(every(minute, day, day))))]
struct Post {
    id: i64,
}

fn main() {}
