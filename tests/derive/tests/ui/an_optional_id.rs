use counter_diesel::HasCounters;

#[derive(HasCounters)]
struct Post {
    id: Option<i64>,
}

#[derive(HasCounters)]
struct User {
    id: std::option::Option<crate::UserId>,
}

struct UserId(i64);

fn main() {}
