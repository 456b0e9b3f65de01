use counter_diesel::query::{GaugeOf, KeyOf};
use counter_diesel::{CounterOwner, HasCounters};

// What `Counters::increment` and `Counters::record` ask for.
fn increment<O: CounterOwner>(_: O, _: impl KeyOf<O::Model>, _: i64) {}
fn record<O: CounterOwner>(_: O, _: impl GaugeOf<O::Model>, _: i64) {}

#[derive(HasCounters)]
#[counters(keys(orders), gauges(stock(every(day))))]
struct Shop {
    id: i64,
}

fn main() {
    increment(&Shop { id: 1 }, ShopGauge::Stock, 1);
    record(&Shop { id: 1 }, ShopCounter::Orders, 1);
}
