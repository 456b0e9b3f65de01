use counter_diesel::HasCounters;

#[derive(HasCounters)]
struct __ {
    id: i64,
}

fn main() {}
