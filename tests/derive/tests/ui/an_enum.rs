use counter_diesel::HasCounters;

#[derive(HasCounters)]
enum Post {
    Draft,
    Published,
}

fn main() {}
