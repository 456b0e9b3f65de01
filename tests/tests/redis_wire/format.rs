use std::num::NonZeroUsize;
use std::time::Duration;

use counter_core::{
    ClaimOp, ClaimSeq, Claimed, Cursor, DeltaStore, Pattern, RedisStore, Replacement,
};
use counter_tests::fixtures::downloads_of;

use super::{LONG, Setting};

#[test]
fn an_increment_is_an_integer_under_the_published_name() {
    let mut setting = Setting::new();
    setting.store.increment(&downloads_of(123), 1).unwrap();
    assert_eq!(setting.get("counter:user:123:downloads").as_deref(), Some("1"));
    assert_eq!(setting.names().len(), 1);
}

#[test]
fn an_incrby_of_any_client_is_an_increment() {
    let mut setting = Setting::new();
    let () = setting.run("INCRBY counter:user:123:downloads 5");
    let () = setting.run("DECR counter:user:123:downloads");
    let look = setting.store.look(&[downloads_of(123)]).unwrap();
    assert_eq!(look.held[0].as_ref().unwrap().pending, 4);
}

#[test]
fn a_claim_has_the_published_form_and_removes_what_was_pending() {
    let mut setting = Setting::new();
    let claim = setting.fresh(&downloads_of(123), -5);
    let seq = claim.seq.to_string();
    assert_eq!(setting.get("counter:user:123:downloads"), None);
    let text = setting.get("counter:{counter:user:123:downloads}");
    assert_eq!(text, Some(format!("{seq}:add:-5")));
    assert_eq!(setting.get("counter:{seq}"), Some(seq.clone()));
    let given: Vec<String> = setting.run("ZRANGE counter:{given} 0 -1 WITHSCORES");
    assert_eq!(given, [seq.clone(), seq]);
    assert_eq!(setting.names().len(), 3);
}

#[test]
fn a_set_and_a_delete_have_the_published_form() {
    let mut setting = Setting::new();
    let set = setting.store.replace(&downloads_of(1), Replacement::Set(i64::MIN)).unwrap();
    let text = setting.get("counter:{counter:user:1:downloads}");
    assert_eq!(text, Some(format!("{}:set:{}", set.seq, i64::MIN)));
    let delete = setting.store.replace(&downloads_of(1), Replacement::Delete).unwrap();
    let text = setting.get("counter:{counter:user:1:downloads}");
    assert_eq!(text, Some(format!("{}:del:0", delete.seq)));
}

#[test]
fn an_acknowledged_claim_leaves_nothing_but_the_sequences_given_out() {
    let mut setting = Setting::new();
    let claim = setting.fresh(&downloads_of(1), 5);
    setting.store.ack(&[claim]).unwrap();
    let left = setting.names();
    assert_eq!(left, ["counter:{given}", "counter:{seq}"].map(|name| name.as_bytes().to_vec()));
}

#[test]
fn a_sequence_is_the_servers_time_in_microseconds() {
    let mut setting = Setting::new();
    let (before, _): (i64, i64) = setting.run("TIME");
    let seconds = setting.fresh(&downloads_of(1), 5).seq.get() / 1_000_000;
    let (after, _): (i64, i64) = setting.run("TIME");
    assert!((before..=after).contains(&seconds), "{seconds}");
}

#[test]
fn a_sequence_is_above_the_high_water_though_the_clock_went_back() {
    let mut setting = Setting::new();
    let future = 4_000_000_000_000_000;
    setting.set("counter:{seq}", future);
    assert_eq!(setting.fresh(&downloads_of(1), 5).seq, ClaimSeq::new(future + 1));
    let set = setting.store.replace(&downloads_of(2), Replacement::Set(5)).unwrap();
    assert_eq!(set.seq, ClaimSeq::new(future + 2));
    assert_eq!(setting.get("counter:{seq}"), Some((future + 2).to_string()));
}

#[test]
fn a_claim_from_the_future_is_as_old_as_it_is_far_away() {
    let mut setting = Setting::new();
    let (now, _): (i64, i64) = setting.run("TIME");
    let in_an_hour = format!("{}:add:5", (now + 3600) * 1_000_000);
    setting.set("counter:{counter:user:1:downloads}", in_an_hour);
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    assert_eq!(setting.claim(&downloads_of(1), minutes(90)), Claimed::Busy);
    let claimed = setting.claim(&downloads_of(1), minutes(30));
    assert!(matches!(claimed, Claimed::Recovered(_)), "{claimed:?}");
}

/// What is counted after that has an expiry only if another program gives it one again.
#[test]
fn what_would_have_expired_is_claimed_and_named_and_its_claim_stays() {
    let mut setting = Setting::new();
    for id in [downloads_of(1), downloads_of(2)] {
        setting.store.increment(&id, 5).unwrap();
    }
    let () = setting.run("PEXPIRE counter:user:1:downloads 3600000");
    let claimed = setting.store.claim(&[downloads_of(1), downloads_of(2)], LONG).unwrap();
    let [Claimed::Expiring(claim), Claimed::Fresh(_)] = claimed.as_slice() else {
        panic!("{claimed:?}");
    };
    assert_eq!(claim.op, ClaimOp::Add(5));
    let left: i64 = setting.run("PTTL counter:{counter:user:1:downloads}");
    assert_eq!(left, -1);
    setting.store.ack(std::slice::from_ref(claim)).unwrap();
    assert!(matches!(setting.fresh(&downloads_of(1), 1).op, ClaimOp::Add(1)));
}

/// For a replica or the append-only file to confirm a claim there has to be a write of it.
#[test]
fn a_recovered_claim_is_written_again() {
    let mut setting = Setting::new();
    setting.fresh(&downloads_of(1), 5);
    let name = "counter:{counter:user:1:downloads}";
    let before = setting.get(name);
    let () = setting.run(&format!("WATCH {name}"));
    let claimed = setting.claim(&downloads_of(1), Duration::ZERO);
    assert!(matches!(claimed, Claimed::Recovered(_)), "{claimed:?}");
    let exec: Option<()> = redis::pipe().atomic().cmd("PING").query(&mut setting.bare).unwrap();
    assert_eq!(exec, None, "no client wrote {name}");
    assert_eq!(setting.get(name), before);
}

#[test]
fn a_busy_claim_is_not_written() {
    let mut setting = Setting::new();
    setting.fresh(&downloads_of(1), 5);
    let () = setting.run("WATCH counter:{counter:user:1:downloads} counter:{seq}");
    assert_eq!(setting.claim(&downloads_of(1), LONG), Claimed::Busy);
    let exec: Option<()> = redis::pipe().atomic().cmd("PING").query(&mut setting.bare).unwrap();
    assert!(exec.is_some(), "a client wrote");
}

#[test]
fn a_prefix_with_glob_characters_touches_only_its_own() {
    let mut setting = Setting::new();
    let names = ["axb:user:1:views", "axb:{axb:user:1:views}", "aa*b:user:1:views"];
    for name in names {
        setting.set(name, 5);
    }
    let builder = RedisStore::builder(setting.server.url()).prefix("a*b:".parse().unwrap());
    let store = builder.build().unwrap();
    store.increment(&downloads_of(1), 1).unwrap();
    store.replace(&downloads_of(2), Replacement::Set(5)).unwrap();
    let count = NonZeroUsize::new(1000).unwrap();
    for pattern in [Pattern::all(), "user:*".parse().unwrap()] {
        let mut page = store.scan(&pattern, Cursor::default(), count).unwrap();
        let next = page.next.take();
        if let Some(next) = next {
            let second = store.scan(&pattern, next, count).unwrap();
            assert_eq!(second.next, None);
            page.ids.extend(second.ids);
        }
        page.ids.sort();
        assert_eq!(page.ids, [downloads_of(1), downloads_of(2)]);
        assert_eq!(page.foreign, []);
    }
    for name in names {
        assert_eq!(setting.get(name).as_deref(), Some("5"));
    }
}
