use counter_diesel::HasCounters;

#[derive(HasCounters)]
#[diesel(primary_key(author_id, number))]
struct Post {
    author_id: i64,
    number: i64,
}

fn main() {}
