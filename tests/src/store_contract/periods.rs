//! Buckets of periods, which are counters beside their totals.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::time::Duration;

use counter_core::{Claimed, CounterId, Cursor, DeltaStore, Pattern, Replacement};

use super::{LONG, claim, contract, fresh, held, pending};
use crate::fixtures::{bucket_of, counter_of, post, user, views_of};
use crate::store_worlds::StoreWorld;

contract![
    a_total_and_its_buckets_know_nothing_of_each_other,
    buckets_are_claimed_verified_and_acknowledged_in_one_call_with_totals,
    a_scan_finds_buckets_pending_and_claimed,
    a_pattern_finds_the_buckets_of_the_totals_that_match,
    a_bucket_is_no_key_of_its_owner,
];

fn scan(store: &dyn DeltaStore, pattern: &str) -> HashSet<CounterId> {
    let (mut found, mut next) = (HashSet::new(), Some(Cursor::default()));
    let pattern = pattern.parse::<Pattern>().unwrap();
    while let Some(from) = next {
        let page = store.scan(&pattern, from, NonZeroUsize::new(3).unwrap()).unwrap();
        assert_eq!(page.foreign, []);
        found.extend(page.ids);
        next = page.next;
    }
    found
}

/// A total, and buckets of it whose labels look alike.
fn views() -> Vec<CounterId> {
    let periods =
        ["year:2026", "month:2026-11", "day:2026-11-28", "hour:2026-11-28T00", "week:2026-W48"];
    let buckets = periods.iter().map(|period| bucket_of(&views_of(1), period));
    buckets.chain([views_of(1)]).collect()
}

fn a_total_and_its_buckets_know_nothing_of_each_other(world: &dyn StoreWorld) {
    let store = world.store();
    let ids = views();
    let increments = ids.iter().cloned().zip(1..).collect::<Vec<_>>();
    assert!(store.increment_many(&increments).iter().all(Result::is_ok));
    for (id, n) in &increments {
        assert_eq!(pending(&*store, id), *n, "{id}");
    }
    let [day, total] = [&ids[2], &ids[5]];
    let claimed = fresh(&*store, day, 10);
    assert_eq!(claimed.op, counter_core::ClaimOp::Add(13));
    store.replace(total, Replacement::Set(100)).unwrap();
    store.replace(&ids[3], Replacement::Delete).unwrap();
    assert_eq!(held(&*store, day).claim, Some(claimed));
    assert!(held(&*store, total).claim.is_some_and(|claim| claim.id == *total));
    for (id, n) in [&increments[0], &increments[1], &increments[4]] {
        let found = held(&*store, id);
        assert_eq!((found.pending, found.claim), (*n, None), "{id}");
    }
}

fn buckets_are_claimed_verified_and_acknowledged_in_one_call_with_totals(world: &dyn StoreWorld) {
    let store = world.store();
    let ids = views();
    for id in &ids {
        store.increment(id, 2).unwrap();
    }
    let claims = store.claim(&ids, LONG).unwrap().into_iter().map(|claimed| match claimed {
        Claimed::Fresh(claim) => claim,
        other => panic!("{other:?}"),
    });
    let claims = claims.collect::<Vec<_>>();
    assert!(claims.iter().map(|claim| &claim.id).eq(&ids));
    let verdicts = store.verify(&claims, Duration::from_secs(5)).unwrap();
    assert!(verdicts.iter().all(|verdict| *verdict == counter_core::Verdict::Current));
    assert_eq!(claim(&*store, &ids[0], LONG), Claimed::Busy);
    assert!(matches!(claim(&*store, &ids[0], Duration::ZERO), Claimed::Recovered(_)));
    store.ack(&claims[1..]).unwrap();
    assert_eq!(scan(&*store, "*"), HashSet::from([ids[0].clone()]));
}

fn a_scan_finds_buckets_pending_and_claimed(world: &dyn StoreWorld) {
    let store = world.store();
    let ids = views();
    for id in &ids[..3] {
        store.increment(id, 1).unwrap();
    }
    for id in &ids[3..] {
        fresh(&*store, id, 1);
    }
    assert_eq!(scan(&*store, "*"), ids.into_iter().collect());
}

fn a_pattern_finds_the_buckets_of_the_totals_that_match(world: &dyn StoreWorld) {
    let store = world.store();
    let other = views_of(12);
    let likes = counter_of(&post(1), "likes");
    let day = |id: &CounterId| bucket_of(id, "day:2026-11-28");
    for id in [&views_of(1), &other, &likes, &counter_of(&user(1), "views")] {
        store.increment(id, 1).unwrap();
        store.increment(&day(id), 1).unwrap();
    }
    let claimed = bucket_of(&likes, "year:2026");
    fresh(&*store, &claimed, 1);
    let both = |id: CounterId| [day(&id), id];
    let of_likes = HashSet::from([day(&likes), claimed, likes.clone()]);
    assert_eq!(scan(&*store, "*:likes"), of_likes);
    assert_eq!(scan(&*store, "post:1:likes"), of_likes);
    assert_eq!(scan(&*store, "post:?:views"), both(views_of(1)).into());
    let mut of_post = of_likes;
    of_post.extend(both(views_of(1)));
    assert_eq!(scan(&*store, "post:1:*"), of_post);
    assert_eq!(scan(&*store, "*day*"), HashSet::new());
}

fn a_bucket_is_no_key_of_its_owner(world: &dyn StoreWorld) {
    let store = world.store();
    let Some(index) = store.key_index() else { return };
    store.increment(&bucket_of(&counter_of(&post(1), "likes"), "day:2026-11-28"), 1).unwrap();
    store.increment(&bucket_of(&views_of(1), "day:2026-11-28"), 1).unwrap();
    store.increment(&views_of(1), 1).unwrap();
    let keys = index.keys_of(&post(1)).unwrap();
    assert_eq!(keys.iter().map(ToString::to_string).collect::<Vec<_>>(), ["views"]);
}
