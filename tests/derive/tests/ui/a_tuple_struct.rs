use counter_diesel::HasCounters;

#[derive(HasCounters)]
struct Post(i64);

fn main() {}
