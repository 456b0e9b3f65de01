use counter_diesel::HasCounters;

#[derive(HasCounters)]
#[counters(keys(orders, stock), gauges(stock(every(day)), inventory(name = "orders")))]
struct Shop {
    id: i64,
}

fn main() {}
