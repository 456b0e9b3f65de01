#[derive(HasCounters)]
#[counters(keys(
    a(every(dya)),
    b(every(day, day)),
    c(every()),
    d(),
    e(every = day),
    f(every(day), every(hour)),
    g(name = "x", name = "y"),
    h(every("day")),
    i(each(day)),
    j(every(minute, Day)),
))]
struct Post {
    id: i64,
}
