use counter_core::{
    ClaimSeq, Claimed, DeltaStore, Error, Generation, RedisStore, Replacement, StoreGeneration,
};
use counter_tests::fixtures::downloads_of;

use super::{LONG, Setting};

/// Above the time of any clock.
const FUTURE: i64 = 5_000_000_000_000_000;

fn generation(store: &RedisStore, above: i64) -> Generation {
    store.ensure_generation("database-1", ClaimSeq::new(above)).unwrap()
}

#[test]
fn a_new_store_gets_an_id_and_a_high_water_as_high_as_recorded_and_as_the_time() {
    let mut setting = Setting::new();
    let given = generation(&setting.store, FUTURE);
    assert_eq!(given.database, "database-1");
    assert_eq!(given.high_water, ClaimSeq::new(FUTURE));
    assert_eq!(given.store_id.len(), 32);
    let identity = setting.get("counter:{id}").unwrap();
    assert_eq!(identity, format!("{}:database-1", given.store_id));
    assert_eq!(setting.get("counter:{seq}"), Some(FUTURE.to_string()));
    setting.server.flush();
    let (seconds, _): (i64, i64) = setting.run("TIME");
    assert!(generation(&setting.store, 0).high_water >= ClaimSeq::new(seconds * 1_000_000));
}

#[test]
fn a_store_that_has_an_id_keeps_it_with_its_database_and_its_high_water() {
    let mut setting = Setting::new();
    let first = generation(&setting.store, FUTURE);
    let other = RedisStore::builder(setting.server.url()).build().unwrap();
    let again = other.ensure_generation("database-2", ClaimSeq::new(FUTURE + 1)).unwrap();
    // Another process has not seen anything of it before.
    let mut unseen = first.clone();
    unseen.newest_seen = ClaimSeq::ZERO;
    assert_eq!(again, unseen);
    assert_eq!(other.present_generation().unwrap(), Some(first.clone()));
    assert_eq!(setting.store.present_generation().unwrap(), Some(first));
    // Or it could not be known any more that it is below the one recorded.
    assert_eq!(setting.get("counter:{seq}"), Some(FUTURE.to_string()));
}

#[test]
fn a_store_that_names_no_database_names_the_first_that_has_an_id() {
    let setting = Setting::new();
    let unnamed = setting.store.ensure_generation("", ClaimSeq::ZERO).unwrap();
    assert_eq!(unnamed.database, "");
    let unnamed_again = setting.store.ensure_generation("", ClaimSeq::ZERO).unwrap();
    let [named, again] = [(); 2].map(|()| generation(&setting.store, 0));
    assert_eq!(unnamed_again, unnamed);
    assert_eq!((&named.store_id, named.database.as_str()), (&unnamed.store_id, "database-1"));
    assert_eq!((&again, named.high_water), (&named, unnamed.high_water));
}

#[test]
fn the_high_water_that_a_new_store_gets_is_not_below_the_one_it_has() {
    let mut setting = Setting::new();
    setting.set("counter:{seq}", FUTURE);
    let claim = setting.fresh(&downloads_of(1), 5);
    assert_eq!(generation(&setting.store, 1234).high_water, claim.seq);
}

#[test]
fn every_life_has_an_id_of_its_own() {
    let setting = Setting::new();
    let first = generation(&setting.store, 0).store_id;
    setting.server.flush();
    assert_ne!(generation(&setting.store, 0).store_id, first);
}

#[test]
fn an_identity_that_is_none_is_named_and_left_alone() {
    let mut setting = Setting::new();
    for garbage in ["abc", "", ":x"] {
        setting.set("counter:{id}", garbage);
        let error = setting.store.ensure_generation("database-1", ClaimSeq::ZERO).unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("counter:{id}"), "{source}");
        assert_eq!(setting.get("counter:{id}").as_deref(), Some(garbage));
    }
}

#[test]
fn nothing_is_claimed_from_a_server_that_went_back() {
    let mut setting = Setting::new();
    generation(&setting.store, 0);
    let claim = setting.fresh(&downloads_of(1), 5);
    setting.store.increment(&downloads_of(2), 7).unwrap();
    // What an old copy has.
    setting.set("counter:{seq}", 5);
    match setting.store.claim(&[downloads_of(1), downloads_of(2)], LONG) {
        Err(Error::StoreWentBack { found, recorded }) => {
            assert_eq!((found, recorded), (ClaimSeq::new(5), claim.seq));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(setting.get("counter:user:2:downloads").as_deref(), Some("7"));
    // A pass that begins does not make the copy newer.
    generation(&setting.store, 0);
    assert!(setting.store.claim(&[downloads_of(2)], LONG).is_err());
}

#[test]
fn nothing_is_claimed_from_a_server_that_was_emptied_until_its_new_generation_is_known() {
    let setting = Setting::new();
    generation(&setting.store, 0);
    setting.fresh(&downloads_of(1), 5);
    setting.server.flush();
    setting.store.increment(&downloads_of(1), 7).unwrap();
    let error = setting.store.claim(&[downloads_of(1)], LONG).unwrap_err();
    assert!(matches!(error, Error::StoreWentBack { .. }), "{error:?}");
    generation(&setting.store, 0);
    let claimed = setting.claim(&downloads_of(1), LONG);
    assert!(matches!(claimed, Claimed::Fresh(_)), "{claimed:?}");
}

#[test]
fn a_new_generation_that_another_process_began_is_noticed_too() {
    let mut setting = Setting::new();
    generation(&setting.store, 0);
    setting.set("counter:{seq}", 4_000_000_000_000_000_i64);
    setting.fresh(&downloads_of(1), 5);
    setting.server.flush();
    let other = RedisStore::builder(setting.server.url()).build().unwrap();
    generation(&other, 0);
    setting.store.increment(&downloads_of(1), 7).unwrap();
    assert!(setting.store.claim(&[downloads_of(1)], LONG).is_err());
    generation(&setting.store, 0);
    let claimed = setting.claim(&downloads_of(1), LONG);
    assert!(matches!(claimed, Claimed::Fresh(_)), "{claimed:?}");
}

#[test]
fn what_was_seen_in_a_look_counts_as_seen() {
    let mut setting = Setting::new();
    generation(&setting.store, 0);
    setting.set("counter:{seq}", 2000);
    setting.store.look(&[downloads_of(1)]).unwrap();
    setting.set("counter:{seq}", 1000);
    let error = setting.store.claim(&[downloads_of(1)], LONG).unwrap_err();
    assert!(matches!(error, Error::StoreWentBack { .. }), "{error:?}");
}

/// It has counted and set before its first sync, and the server was emptied meanwhile.
#[test]
fn what_was_seen_before_an_id_is_new_says_nothing_about_it() {
    let setting = Setting::new();
    setting.store.replace(&downloads_of(1), Replacement::Set(5)).unwrap();
    setting.server.flush();
    let generation = setting.store.ensure_generation("database", ClaimSeq::ZERO).unwrap();
    assert!(generation.newest_seen <= generation.high_water, "{generation:?}");
}
