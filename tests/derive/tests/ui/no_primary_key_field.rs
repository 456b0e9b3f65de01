use counter_diesel::HasCounters;

#[derive(HasCounters)]
struct Post {
    number: i64,
}

#[derive(HasCounters)]
#[diesel(primary_key(code))]
struct Country {
    id: i64,
}

// The column is another, whatever the field is called.
#[derive(HasCounters)]
struct User {
    #[diesel(column_name = legacy_id)]
    id: i64,
}

fn main() {}
