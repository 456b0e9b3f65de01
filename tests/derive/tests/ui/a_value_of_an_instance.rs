use counter_diesel::HasCounters;

diesel::table! {
    posts { id -> BigInt, }
}

#[derive(HasCounters)]
#[diesel(table_name = posts)]
#[counters(keys(views))]
struct Post {
    id: i64,
}

fn main() {
    let _ = Post { id: 1 }.counter_value(PostCounter::Views);
}
