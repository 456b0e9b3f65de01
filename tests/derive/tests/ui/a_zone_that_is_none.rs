use counter_diesel::HasCounters;

#[derive(HasCounters)]
#[counters(zone = time_zone)]
struct Missing {
    id: i64,
    timezone: String,
}

#[derive(HasCounters)]
#[counters(zone = "time_zone")]
struct Quoted {
    id: i64,
    time_zone: String,
}

#[derive(HasCounters)]
#[counters(zone(time_zone))]
struct Listed {
    id: i64,
    time_zone: String,
}

fn main() {}
