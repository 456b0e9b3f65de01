//! Since when buckets are kept.

use chrono::NaiveDateTime;
use counter_diesel::ledger::{Kept, KeptChange};
use counter_diesel::query::{Grain, OwnerType};
use counter_diesel::{CounterId, CounterKey};

use super::{LedgerWorld, add, apply};
use crate::suite::Case;

pub(super) const CASES: &[Case<LedgerWorld>] = &[
    ("a row is found by its type and key to the byte, with all that it says", |world| {
        let ledger = &*world.ledger;
        assert_eq!(ledger.kept(None).unwrap(), Some(vec![]));
        let long = ["é".repeat(255), "字".repeat(100)];
        let names = [("Post", "views"), ("post", "a"), ("post", "views"), ("post", "Views")];
        let mut all = names.map(|(owner_type, key)| kept(owner_type, key, Grain::Day, "")).to_vec();
        all.push(kept("post", "views", Grain::Hour, "2026-11-28T14:00:00"));
        all.push(kept(&long[0], &long[1], Grain::Year, "1000-01-01T00:00:00"));
        let rolled = kept("post", "views", Grain::Quarter, "9999-10-01T00:00:00");
        let (rolled_from, rolled_until) = (Some(Grain::Month), None);
        all.push(Kept { rolled_from, rolled_until, kept_until: rolled.since, ..rolled });
        all.iter().for_each(|row| ledger.write_kept(row, KeptChange::IfAbsent).unwrap());
        let mut found = ledger.kept(None).unwrap().unwrap();
        let in_bytes = |row: &Kept| {
            let texts = [row.owner_type.as_str(), row.key.as_str(), row.grain.as_str()];
            texts.map(str::to_owned)
        };
        assert!(found.is_sorted_by_key(in_bytes), "{found:?}");
        found.sort_by_key(in_bytes);
        all.sort_by_key(in_bytes);
        assert_eq!(found, all);
        let of_views = all
            .iter()
            .filter(|row| (row.owner_type.as_str(), row.key.as_str()) == ("post", "views"));
        let (post, views) = (owner_type("post"), key("views"));
        let found = ledger.kept(Some((&post, &views))).unwrap().unwrap();
        assert!(found.iter().eq(of_views), "{found:?}");
        assert_eq!(ledger.kept(Some((&post, &key("likes")))).unwrap(), Some(vec![]));
    }),
    ("a row stays, moves forward, or is replaced, as it is asked", |world| {
        let ledger = &*world.ledger;
        let of = |since| kept("post", "views", Grain::Day, since);
        let write = |since, change| {
            ledger.write_kept(&of(since), change).unwrap();
            ledger.kept(None).unwrap().unwrap()
        };
        let [first, second] = ["2026-11-01T00:00:00", "2026-12-01T00:00:00"];
        let counted = |row: Vec<Kept>| row.into_iter().map(|row| row.since).collect::<Vec<_>>();
        for (since, change, expected) in [
            (first, KeptChange::Forward, first),
            (second, KeptChange::IfAbsent, first),
            (second, KeptChange::Forward, second),
            (first, KeptChange::Forward, second),
            ("", KeptChange::IfAbsent, second),
            (first, KeptChange::Always, first),
            ("", KeptChange::Always, ""),
            (first, KeptChange::IfAbsent, ""),
            (first, KeptChange::Forward, first),
        ] {
            assert_eq!(counted(write(since, change)), [of(expected).since], "{since} {change:?}");
        }
        let month = kept("post", "views", Grain::Month, first);
        let month = Kept { rolled_from: Some(Grain::Day), rolled_until: None, ..month };
        ledger.write_kept(&month, KeptChange::Always).unwrap();
        let later = Kept { since: of(second).since, ..month.clone() };
        ledger.write_kept(&later, KeptChange::Forward).unwrap();
        assert_eq!(ledger.kept(None).unwrap().unwrap()[1], later);
        // Where nothing is counted directly, a row that says so changes the row of the roll-up.
        let counted = Kept { rolled_from: None, ..month.clone() };
        ledger.write_kept(&counted, KeptChange::Always).unwrap();
        assert_eq!(ledger.kept(None).unwrap().unwrap().last(), Some(&month));
        // An existing row can be marked as a gauge's, and keeps the mark.
        let gauge = Kept { is_gauge: true, ..of("") };
        ledger.write_kept(&gauge, KeptChange::IfAbsent).unwrap();
        ledger.write_kept(&of(second), KeptChange::Forward).unwrap();
        let found = ledger.kept(None).unwrap().unwrap();
        let rolled_until = of("").rolled_until;
        assert_eq!(found, [Kept { is_gauge: true, rolled_until, ..of(second) }, month]);
    }),
    ("a roll-up moves forward beside the row of what is counted directly", |world| {
        let ledger = &*world.ledger;
        let [first, second] = ["2026-11-01T00:00:00", "2026-12-01T00:00:00"];
        let row = |since: &str, until: &str| {
            let rolled_until = (!until.is_empty()).then(|| until.parse::<NaiveDateTime>().unwrap());
            let row = kept("post", "views", Grain::Month, since);
            Kept { rolled_from: Some(Grain::Day), rolled_until, ..row }
        };
        let roll = |since: &str, until: &str| {
            ledger.write_kept(&row(since, until), KeptChange::RollUp).unwrap();
            let mut rows = ledger.kept(None).unwrap().unwrap().into_iter();
            rows.find(|row| row.rolled_from.is_some()).unwrap()
        };
        let noted = roll("", first);
        let ours = chrono::Utc::now().naive_utc();
        let is_now = |at: NaiveDateTime| (ours - at).abs() < chrono::TimeDelta::hours(1);
        assert!(noted.noted_at.is_some_and(is_now), "{noted:?}");
        assert_eq!(Kept { noted_at: None, ..noted.clone() }, row("", first));
        world.database.execute("UPDATE model_counters_kept SET noted_at = NULL").unwrap();
        assert_eq!(roll(first, first), row("", first), "it is not later");
        let moved = roll(first, second);
        assert!(moved.noted_at.is_some_and(is_now), "{moved:?}");
        assert_eq!(Kept { noted_at: None, ..moved.clone() }, row(first, second));
        assert_eq!(roll("", first), moved);
        let counted = kept("post", "views", Grain::Month, second);
        ledger.write_kept(&counted, KeptChange::IfAbsent).unwrap();
        ledger.write_kept(&counted, KeptChange::Always).unwrap();
        // How long others stay changes nothing else.
        let held = |until: &str| Kept { kept_until: until.parse().ok(), ..row("", "") };
        ledger.write_kept(&held(second), KeptChange::Hold).unwrap();
        ledger.write_kept(&held(first), KeptChange::Hold).unwrap();
        let moved = Kept { kept_until: held(second).kept_until, ..moved };
        assert_eq!(ledger.kept(None).unwrap(), Some(vec![counted, moved]));
        let now = ledger.now().unwrap().unwrap();
        assert!(is_now(now), "{now}, {ours}");
    }),
    ("a key was counted before if a total of it is older than an hour", |world| {
        let ledger = &*world.ledger;
        let [views, likes] = ["views", "likes"].map(|key| CounterId::new("post", 1, key).unwrap());
        apply(ledger, vec![add(&likes, 5, 1), add(&views, 5, 1)]);
        let before = |owner_type: &str, of: &str| {
            ledger.counted_before(&self::owner_type(owner_type), &key(of)).unwrap()
        };
        assert_eq!(before("post", "views"), None);
        let age = "UPDATE \"model_counters\" SET \"created_at\" = '2001-02-03 04:05:06' \
                   WHERE \"key\" = 'views'";
        world.database.execute(age).unwrap();
        let now = before("post", "views").unwrap();
        let ours = chrono::Utc::now().naive_utc();
        assert!((ours - now).abs() < chrono::TimeDelta::hours(1), "{now}, {ours}");
        let others = [("post", "likes"), ("Post", "views"), ("post", "Views"), ("user", "views")];
        assert_eq!(others.map(|(owner_type, key)| before(owner_type, key)), [None; 4]);
    }),
];

fn kept(owner_type: &str, key: &str, grain: Grain, since: &str) -> Kept {
    let since = (!since.is_empty()).then(|| since.parse::<NaiveDateTime>().unwrap());
    let (owner_type, key) = (self::owner_type(owner_type), self::key(key));
    Kept::counted(owner_type, key, grain, since)
}

fn owner_type(text: &str) -> OwnerType {
    OwnerType::new(text.to_owned()).unwrap()
}

fn key(text: &str) -> CounterKey {
    CounterKey::new(text.to_owned()).unwrap()
}
