#[derive(HasCounters)]
#[counters(
    keys(orders),
    gauges(stock(every(day)), storage_used(name = "storage-used", every(hour, day)), rank)
)]
struct Shop {
    id: i64,
}
