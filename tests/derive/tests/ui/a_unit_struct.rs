use counter_diesel::HasCounters;

#[derive(HasCounters)]
struct Post;

fn main() {}
