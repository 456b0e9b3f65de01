#[derive(HasCounters)]
#[counters(zone = time_zone)]
struct Client<'a> {
    id: i64,
    time_zone: Option<&'a str>,
}
