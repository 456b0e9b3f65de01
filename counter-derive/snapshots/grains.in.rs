#[derive(HasCounters)]
#[counters(keys(views(every(day)), likes, calls(every(hour, day, year), name = "api-calls"), shares(name = "s")))]
struct Post {
    id: i64,
}
