use counter_diesel::HasCounters;

#[derive(HasCounters)]
#[counters(id = uuid)]
struct Text {
    id: String,
}

#[derive(HasCounters)]
#[counters(id = uuid)]
struct Number {
    id: i64,
}

#[derive(HasCounters)]
#[counters(id = text)]
struct Other {
    id: String,
}

fn main() {}
