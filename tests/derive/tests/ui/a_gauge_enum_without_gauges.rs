use counter_diesel::HasCounters;

#[derive(HasCounters)]
#[counters(keys(orders), gauges(), gauge_enum = Readings)]
struct Shop {
    id: i64,
}

#[derive(HasCounters)]
#[counters(gauge_enum = Readings)]
struct Branch {
    id: i64,
}

fn main() {}
