use counter_core::{
    Claim, ClaimOp, CounterId, DeltaStore, Holding, Reading, RecordGauges, Replacement, Seen,
    SeenReplacement,
};

use super::{contract, fresh, held};
use crate::fixtures::{bucket_of, counter_of, post};
use crate::store_worlds::StoreWorld;

contract![
    a_reading_is_recorded_once_it_is_known_that_none_is_newer,
    a_reading_drops_what_was_pending_and_claimed,
    an_older_reading_sets_the_bucket_of_its_own_period_and_not_the_total,
    of_two_readings_of_one_instant_the_last_stays,
    a_gauge_without_buckets_has_its_newest_reading,
    gauges_do_not_know_of_each_other,
    a_reading_that_is_far_ahead_of_the_store_does_not_make_others_older,
    a_counter_is_replaced_if_nothing_happened_since_it_was_seen,
];

/// A reading of the stock of a post, in the day from 0 to 100 or in the next one.
fn reading(of: i64, at: i64, value: i64) -> Reading {
    let total = counter_of(&post(of), "stock");
    let (day, end) = if at < 100 { (27, 100) } else { (28, 200) };
    let bucket = bucket_of(&total, &format!("day:2026-11-{day}"));
    Reading {
        total,
        buckets: vec![(bucket, end)],
        value,
        at,
        ahead: 0,
        known_newest: Some(i64::MIN),
    }
}

fn gauges(store: &dyn DeltaStore) -> &dyn RecordGauges {
    store.gauges().unwrap()
}

fn record(store: &dyn DeltaStore, reading: &Reading) -> Vec<Claim> {
    let claims = gauges(store).record(reading).unwrap().unwrap();
    let high_water = store.look(std::slice::from_ref(&reading.total)).unwrap().high_water_of(0);
    for claim in &claims {
        assert_eq!(claim.op, ClaimOp::Set(reading.value));
        assert!(claim.seq <= high_water);
        assert_eq!(held(store, &claim.id), Holding { pending: 0, claim: Some(claim.clone()) });
    }
    claims
}

fn ids(claims: &[Claim]) -> Vec<CounterId> {
    claims.iter().map(|claim| claim.id.clone()).collect()
}

fn a_reading_is_recorded_once_it_is_known_that_none_is_newer(world: &dyn StoreWorld) {
    let store = world.store();
    let unknown = Reading { known_newest: None, ..reading(1, 50, 812) };
    assert_eq!(gauges(&*store).record(&unknown).unwrap(), None);
    for id in unknown.ids() {
        assert_eq!(held(&*store, id), Holding::default());
    }
    let claims = record(&*store, &reading(1, 50, 812));
    assert_eq!(ids(&claims), unknown.ids().cloned().collect::<Vec<_>>());
    // Now it is known.
    assert_eq!(record(&*store, &Reading { at: 51, ..unknown }).len(), 2);
    // If the store knows the newest reading, what the caller says is ignored.
    let later = Reading { known_newest: Some(i64::MAX), ..reading(1, 52, 813) };
    assert_eq!(record(&*store, &later).len(), 2);
    // If the store knows none, what the caller says is compared.
    let older = Reading { known_newest: Some(120), ..reading(2, 50, 5) };
    assert_eq!(ids(&record(&*store, &older)), [older.buckets[0].0.clone()]);
    let again = Reading { known_newest: Some(50), ..reading(2, 50, 5) };
    assert_eq!(record(&*store, &again).len(), 2, "an older reading is not remembered");
}

fn a_reading_drops_what_was_pending_and_claimed(world: &dyn StoreWorld) {
    let store = world.store();
    let first = reading(1, 50, 7);
    let before = fresh(&*store, &first.total, 5);
    store.increment(&first.total, 6).unwrap();
    store.increment(&first.buckets[0].0, 6).unwrap();
    let claims = record(&*store, &first);
    assert!(claims.len() == 2 && claims.iter().all(|claim| claim.seq > before.seq));
    store.increment(&first.total, 3).unwrap();
    let expected = Holding { pending: 3, claim: Some(claims[0].clone()) };
    assert_eq!(held(&*store, &first.total), expected);
}

fn an_older_reading_sets_the_bucket_of_its_own_period_and_not_the_total(world: &dyn StoreWorld) {
    let store = world.store();
    let newest = reading(1, 150, 812);
    let claims = record(&*store, &newest);
    let yesterday = reading(1, 50, 790);
    assert_eq!(ids(&record(&*store, &yesterday)), [yesterday.buckets[0].0.clone()]);
    // In a period before that of the newest reading, the reading that is recorded last stays.
    assert_eq!(ids(&record(&*store, &reading(1, 40, 780))), [yesterday.buckets[0].0.clone()]);
    // In the period of the newest reading, the newest one stays.
    assert_eq!(record(&*store, &reading(1, 149, 1)), []);
    assert_eq!(held(&*store, &newest.total).claim.as_ref(), Some(&claims[0]));
    assert_eq!(held(&*store, &newest.buckets[0].0).claim.as_ref(), Some(&claims[1]));
    assert_eq!(record(&*store, &reading(1, 151, 813)).len(), 2);
}

fn of_two_readings_of_one_instant_the_last_stays(world: &dyn StoreWorld) {
    let store = world.store();
    let first = record(&*store, &reading(1, 50, 1));
    let second = record(&*store, &reading(1, 50, 2));
    assert_eq!(ids(&first), ids(&second));
    assert!(second[0].seq > first[0].seq);
}

fn a_gauge_without_buckets_has_its_newest_reading(world: &dyn StoreWorld) {
    let store = world.store();
    let of = |at, value| Reading { buckets: Vec::new(), ..reading(1, at, value) };
    assert_eq!(record(&*store, &of(50, i64::MIN)).len(), 1);
    assert_eq!(record(&*store, &of(49, 5)), []);
    assert_eq!(record(&*store, &of(51, i64::MAX)).len(), 1);
}

fn gauges_do_not_know_of_each_other(world: &dyn StoreWorld) {
    let store = world.store();
    assert_eq!(record(&*store, &reading(1, 150, 1)).len(), 2);
    assert_eq!(record(&*store, &reading(2, 50, 2)).len(), 2);
    drop(store.replace(&reading(1, 0, 0).total, Replacement::Set(5)).unwrap());
    assert_eq!(ids(&record(&*store, &reading(1, 50, 3))).len(), 1);
}

fn a_reading_that_is_far_ahead_of_the_store_does_not_make_others_older(world: &dyn StoreWorld) {
    const MINUTE: i64 = 60_000_000;
    let store = world.store();
    let now = fresh(&*store, &counter_of(&post(9), "other"), 1).seq.get();
    let of = |at, value| {
        let (total, day) = (counter_of(&post(1), "stock"), if at <= now { 28 } else { 29 });
        let bucket = bucket_of(&total, &format!("day:2026-11-{day}"));
        // The day ends in an hour.
        let buckets = vec![(bucket, now + if at <= now { 60 } else { 1_500 } * MINUTE)];
        Reading { total, buckets, ahead: 5 * MINUTE, ..reading(1, at, value) }
    };
    let total = of(0, 0).total;
    let newest =
        || gauges(&*store).newest_readings(&[total.clone(), counter_of(&post(9), "other")]);
    assert_eq!(record(&*store, &of(now + 1_000 * MINUTE, 1)).len(), 2);
    assert_eq!(newest().unwrap(), [None, None], "it is not remembered");
    assert_eq!(record(&*store, &of(now, 2)).len(), 2, "the total and the running day");
    assert_eq!(newest().unwrap(), [Some(now), None]);
    assert_eq!(record(&*store, &of(now + 1_000 * MINUTE, 3)).len(), 2);
    assert_eq!(record(&*store, &of(now - 1, 4)), [], "a newer reading of its day is known");
    assert_eq!(record(&*store, &of(now, 5)).len(), 2);
    // What is known of old is bounded, too.
    let known = Reading { known_newest: Some(i64::MAX), ..reading(2, 2 * now, 4) };
    assert_eq!(record(&*store, &known).len(), 2);
}

fn a_counter_is_replaced_if_nothing_happened_since_it_was_seen(world: &dyn StoreWorld) {
    let store = world.store();
    let id = counter_of(&post(1), "stock");
    let seen = || {
        let look = store.look(std::slice::from_ref(&id)).unwrap();
        let pending = look.held[0].as_ref().unwrap().pending;
        Seen { high_water: look.high_water_of(0), pending }
    };
    let replace = |to, seen| {
        let one = SeenReplacement { counter: id.clone(), to, seen };
        let mut outcomes = gauges(&*store).replace_unchanged(&[one]);
        assert_eq!(outcomes.len(), 1);
        outcomes.remove(0).unwrap()
    };
    let at_first = seen();
    let set = replace(Replacement::Set(7), at_first).unwrap();
    assert_eq!((set.op, held(&*store, &id).claim), (ClaimOp::Set(7), Some(set.clone())));
    assert_eq!(replace(Replacement::Set(8), at_first), None, "it was set");
    let before = seen();
    store.increment(&id, 1).unwrap();
    assert_eq!(replace(Replacement::Delete, before), None, "it was counted");
    assert_eq!(held(&*store, &id), Holding { pending: 1, claim: Some(set.clone()) });
    let deleted = replace(Replacement::Delete, seen()).unwrap();
    assert!(deleted.seq > set.seq && deleted.op == ClaimOp::Delete, "{deleted:?}");
    assert_eq!(held(&*store, &id), Holding { pending: 0, claim: Some(deleted) });
    assert!(gauges(&*store).replace_unchanged(&[]).is_empty());
}
