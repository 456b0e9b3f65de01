//! Micro-benchmarks of the pure computation in an increment.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::hint::black_box;

use counter_core::{CounterId, DeltaStore as _, MemoryStore};
use counter_diesel::query::KeyOf as _;
use counter_diesel::{CounterOwner as _, HasCounters};
use criterion::{Criterion, criterion_group, criterion_main};

#[derive(HasCounters)]
#[counters(keys(views))]
struct Post {
    id: i64,
}

fn names(criterion: &mut Criterion) {
    let new = |owner_type, key| CounterId::new(owner_type, black_box(123_456), key).unwrap();
    criterion.bench_function("encode", |bencher| bencher.iter(|| new("post", "views")));
    criterion.bench_function("encode what needs escapes", |bencher| {
        bencher.iter(|| new("blog:post", "100 % {views}"));
    });
    criterion.bench_function("encode a derived key", |bencher| {
        let post = Post { id: 123_456 };
        bencher.iter(|| {
            let post = black_box(&post);
            CounterId::of(&post.owner().unwrap(), &PostCounter::Views.counter_key().unwrap())
        });
    });
    let parse = |text: &str| black_box(text).parse::<CounterId>().unwrap();
    criterion.bench_function("decode", |bencher| bencher.iter(|| parse("post:123456:views")));
    criterion.bench_function("decode escapes", |bencher| {
        bencher.iter(|| parse("blog%3Apost:123456:100 %25 %7Bviews%7D"));
    });
}

fn memory_store(criterion: &mut Criterion) {
    let store = MemoryStore::new();
    let id = CounterId::new("post", 1, "views").unwrap();
    criterion.bench_function("add in memory, one counter", |bencher| {
        bencher.iter(|| store.increment(black_box(&id), 1));
    });
    let ids = (0..10_000).map(|id| CounterId::new("post", id, "views").unwrap());
    let ids = ids.collect::<Vec<_>>();
    let mut ids = ids.iter().cycle();
    criterion.bench_function("add in memory, 10,000 counters in turn", |bencher| {
        bencher.iter(|| store.increment(ids.next().unwrap(), 1));
    });
}

criterion_group!(benches, names, memory_store);
criterion_main!(benches);
