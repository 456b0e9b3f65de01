//! The text forms: what is written is read back, and nothing else is.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::HashSet;

use counter_core::{
    Claim, ClaimOp, ClaimSeq, CounterId, OwnerId, OwnerText, Pattern, Period, Prefix, StoreName,
    ToOwnerId,
};
use proptest::prelude::*;

/// Any text, with what is escaped, separates or looks like an escape more often than chance would
/// have it.
fn any_text(max_chars: usize) -> impl Strategy<Value = String> {
    let special = prop::sample::select(vec![
        ':', '%', '{', '}', '\n', '\u{7f}', '\u{85}', '*', '?', '2', 'A', 'ß', '👍',
    ]);
    let char =
        prop_oneof![3 => special, 2 => any::<char>()].prop_filter("NUL is refused", |c| *c != '\0');
    prop::collection::vec(char, 1..=max_chars).prop_map(String::from_iter)
}

/// Any integer or text, with texts that read like integers more often than chance would have it.
fn any_owner_id() -> impl Strategy<Value = OwnerId> {
    let text = prop_oneof![any_text(255), "-?[0-9]{1,25}", "(%3|%2D)?[0-9-]{1,3}"];
    prop_oneof![
        any::<i64>().prop_map(OwnerId::Integer),
        text.prop_map(|text| OwnerId::Text(OwnerText::new(text).unwrap())),
    ]
}

/// No period, or one of a few that look alike.
fn any_period() -> impl Strategy<Value = Option<Period>> {
    let texts = [
        "hour:2026-11-28T00",
        "hour:2026-11-28T01",
        "day:2026-11-28",
        "day:2026-11-01",
        "week:2026-W48",
        "week:2026-W04",
        "month:2026-11",
        "month:2026-01",
        "quarter:2026-Q4",
        "year:2026",
        "year:1000",
        "hour:9999-12-31T23",
    ];
    prop::option::of(prop::sample::select(texts.map(|text| text.parse().unwrap()).to_vec()))
}

fn within(id: CounterId, period: Option<Period>) -> CounterId {
    period.map_or(id.clone(), |period| id.within(period).unwrap())
}

fn any_id() -> impl Strategy<Value = CounterId> {
    (any_text(255), any_owner_id(), any_text(100), any_period()).prop_map(
        |(owner_type, owner_id, key, period)| {
            within(CounterId::new(owner_type, owner_id, key).unwrap(), period)
        },
    )
}

fn short_id() -> impl Strategy<Value = CounterId> {
    let owner_id = prop_oneof![
        (0_i64..3).prop_map(OwnerId::Integer),
        "[0-2:%{}-]{1,2}".prop_map(|text| text.to_owner_id().unwrap()),
    ];
    ("[a:%{}]{1,2}", owner_id, "[a:%{}@]{1,2}", any_period()).prop_map(
        |(owner_type, owner_id, key, period)| {
            within(CounterId::new(owner_type, owner_id, key).unwrap(), period)
        },
    )
}

fn any_prefix() -> impl Strategy<Value = Prefix> {
    "([a-z*\\[\\\\]{0,3}(\\{[a-z:]{1,3}\\})?[a-z:]{0,3}):".prop_map(|text| text.parse().unwrap())
}

fn parts(id: &CounterId) -> (String, OwnerId, String, Option<Period>) {
    (id.owner_type().into_owned(), id.owner_id().clone(), id.key().into_owned(), id.period())
}

/// Returns what a cluster finds the slot of a name by.
fn tag_of(name: &str) -> &str {
    let tag = name.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    tag.map(|(tag, _)| tag).filter(|tag| !tag.is_empty()).unwrap_or(name)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_valid_id_survives_its_text((owner_type, owner_id, key, period) in (any_text(255), any_owner_id(), any_text(100), any_period())) {
        let id = within(CounterId::new(&owner_type, &owner_id, &key).unwrap(), period);
        prop_assert_eq!(parts(&id), (owner_type, owner_id, key, period));
        let read = id.as_str().parse::<CounterId>().unwrap();
        prop_assert_eq!(parts(&read), parts(&id));
        prop_assert_eq!(read, id);
    }

    #[test]
    fn any_text_is_an_id_that_is_written_the_same_or_refused(text in "[a0-9:%{}-]{0,12}|a:1:a@(day|month|week):2[0-9]{3}-W?[0-9]{1,2}(-[0-9]{1,2})?|.{0,30}") {
        if let Ok(id) = text.parse::<CounterId>() {
            prop_assert_eq!(id.as_str(), text.as_str());
        }
    }

    #[test]
    fn any_owner_id_survives_its_text(id in any_owner_id()) {
        prop_assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn any_text_is_one_owner_id_that_is_written_the_same_or_refused(text in "(%3|%2D)?[0-9a:%-]{0,22}|.{0,30}") {
        if let Ok(id) = text.parse::<OwnerId>() {
            prop_assert_eq!(id.to_string(), text.as_str());
            let is_integer = text.parse::<i64>().is_ok_and(|number| number.to_string() == text);
            prop_assert_eq!(id.as_i64().is_some(), is_integer);
        }
    }

    #[test]
    fn two_ids_share_no_text(first in short_id(), second in short_id()) {
        prop_assert_eq!(first.as_str() == second.as_str(), parts(&first) == parts(&second));
        prop_assert_eq!(first == second, parts(&first) == parts(&second));
        prop_assert_eq!(first.cmp(&second).is_eq(), first == second);
    }

    #[test]
    fn no_name_in_a_store_stands_for_two_things(prefix in any_prefix(), first in short_id(), second in short_id()) {
        let names = [
            prefix.pending_name(&first),
            prefix.claim_name(&first),
            prefix.high_water_name(),
            prefix.generation_name(),
            prefix.given_out_name(),
            prefix.dirty_name(&first),
            prefix.scanned_name(),
            prefix.marks_name(),
            prefix.newest_name(&first),
        ];
        prop_assert_eq!(names.iter().collect::<HashSet<_>>().len(), 9);
        prop_assert_ne!(prefix.claim_name(&first), prefix.pending_name(&second));
        let parsed = names.map(|name| prefix.parse_name(&name));
        prop_assert!(matches!(parsed[5], Some(StoreName::Dirty(0..64))));
        let expected = [StoreName::Pending(first.clone()), StoreName::Claim(first.clone()), StoreName::HighWater, StoreName::Generation, StoreName::GivenOut];
        prop_assert_eq!(&parsed[..5], expected.map(Some));
        let others = [StoreName::Scanned, StoreName::Marks, StoreName::Newest(first.total())];
        prop_assert_eq!(&parsed[6..], others.map(Some));
    }

    #[test]
    fn any_name_is_one_that_is_written_the_same_or_foreign(
        prefix in any_prefix(),
        rest in "[a0-9:%{}]{0,20}|[{]P[a0-9:%]{3,6}[}]:?(hour|day|week|month|quarter|year)?:?[0-9TWQ-]{0,13}(:claim|:newest)?",
    ) {
        let name = format!("{prefix}{}", rest.replace('P', prefix.as_str()));
        let written = prefix.parse_name(&name).map(|parsed| match parsed {
            StoreName::Pending(id) => prefix.pending_name(&id),
            StoreName::Claim(id) => prefix.claim_name(&id),
            StoreName::Newest(id) => prefix.newest_name(&id),
            StoreName::HighWater => prefix.high_water_name(),
            StoreName::Generation => prefix.generation_name(),
            StoreName::GivenOut => prefix.given_out_name(),
            StoreName::Marks => prefix.marks_name(),
            StoreName::Dirty(hash) => format!("{prefix}{{dirty:{hash}}}"),
            StoreName::Scanned => prefix.scanned_name(),
        });
        prop_assert!(written.is_none_or(|written| written == name));
    }

    #[test]
    fn all_names_of_a_counter_and_of_its_buckets_are_in_one_slot(prefix in any_prefix(), id in short_id()) {
        let total = id.total();
        prop_assert_eq!(total.period(), None);
        let slot = prefix.pending_name(&total);
        let newest = prefix.newest_name(&total);
        for name in [prefix.claim_name(&total), prefix.pending_name(&id), prefix.claim_name(&id), newest] {
            prop_assert_eq!(tag_of(&name), tag_of(&slot));
        }
    }

    #[test]
    fn a_bucket_matches_where_its_total_does(id in short_id(), text in "[a:*?1]{1,5}") {
        let pattern = text.parse::<Pattern>().unwrap();
        prop_assert_eq!(pattern.matches_counter(&id), pattern.matches(id.total().as_str()));
    }

    #[test]
    fn names_of_two_prefixes_differ(first in any_prefix(), second in any_prefix(), id in short_id()) {
        // Unless one continues the other, as `a:` and `a:b:` do, nothing of one is the other's.
        let (name, text) = (first.pending_name(&id), second.as_str());
        prop_assert_eq!(name.starts_with(text) && !first.as_str().starts_with(text) && !text.starts_with(first.as_str()), false);
    }

    #[test]
    fn a_claim_survives_its_text(id in any_id(), seq in 1..=9_007_199_254_740_991_i64, value in any::<i64>(), op in 0..3) {
        let op = [ClaimOp::Add(value), ClaimOp::Set(value), ClaimOp::Delete][op as usize];
        let claim = Claim { id: id.clone(), seq: ClaimSeq::new(seq), op };
        prop_assert_eq!(Claim::from_text(id, &claim.text()), Ok(claim));
    }

    #[test]
    fn any_text_is_a_claim_that_is_written_the_same_or_refused(text in "-?[0-9]{0,3}:(add|set|del|x)?:-?[0-9]{0,3}|.{0,20}") {
        let id = CounterId::new("post", 1, "views").unwrap();
        if let Ok(claim) = Claim::from_text(id, &text) {
            prop_assert_eq!(claim.text(), text);
            prop_assert!(claim.seq > ClaimSeq::ZERO);
        }
    }
}

#[test]
fn a_name_that_is_refused_says_why() {
    for (owner_type, key, expected) in [
        ("post", "", "the counter key is empty"),
        ("", "views", "the owner type is empty"),
        ("post", &*"é".repeat(101), "the counter key has 101 characters, but at most 100 fit"),
        (&*"x".repeat(256), "views", "the owner type has 256 characters, but at most 255 fit"),
        ("post", "vie\0ws", "the counter key contains NUL, which PostgreSQL cannot store"),
        ("po\0st", "views", "the owner type contains NUL, which PostgreSQL cannot store"),
    ] {
        assert_eq!(CounterId::new(owner_type, 1, key).unwrap_err().to_string(), expected);
    }
    for (owner_id, expected) in [
        ("", "the owner id is empty"),
        (&*"é".repeat(256), "the owner id has 256 characters, but at most 255 fit"),
        ("a\0", "the owner id contains NUL, which PostgreSQL cannot store"),
    ] {
        assert_eq!(CounterId::new("post", owner_id, "views").unwrap_err().to_string(), expected);
    }
}
