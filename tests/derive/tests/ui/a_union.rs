use counter_diesel::HasCounters;

#[derive(HasCounters)]
union Post {
    id: i64,
    code: i32,
}

fn main() {}
