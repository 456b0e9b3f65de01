use counter_diesel::HasCounters;

diesel::table! {
    posts (number) { number -> BigInt, }
}

#[derive(HasCounters)]
#[diesel(table_name = posts)]
struct Post {
    id: i64,
}

#[derive(HasCounters)]
#[diesel(table_name = posts, primary_key(nummer))]
struct Other {
    nummer: i64,
}

fn main() {}
