//! Anything at all as configuration, URL, pattern or name: it is taken or refused, and never a
//! panic.
#![allow(clippy::panic, clippy::unwrap_used)]

mod refused;

use std::env::VarError;

use counter_core::{
    BatchSize, Claim, ClaimOp, Config, CounterId, CounterKey, Grain, InputKind, Invalid, Owner,
    OwnerId, OwnerType, Pattern, Period, Prefix, Printable, StoreKind, TableName,
};
use proptest::prelude::*;

/// Texts, and texts that are nearly what is wanted.
fn anything(nearly: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![2 => nearly, 1 => any::<String>()]
}

fn config(name: &'static str, value: &str) -> Result<Config, counter_core::Error> {
    Config::from_variables(|asked| {
        if asked == name { Ok(value.to_owned()) } else { Err(VarError::NotPresent) }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn any_table_name_is_identifiers_and_read_back_or_refused(
        text in anything("[a-zA-Z0-9_.\"';` -]{0,60}")
    ) {
        if let Ok(name) = text.parse::<TableName>() {
            prop_assert_eq!(name.to_string().parse::<TableName>().unwrap(), name.clone());
            prop_assert!(name.table().len() <= TableName::MAX_TABLE_BYTES);
            for part in name.schema().into_iter().chain([name.table()]) {
                prop_assert!((1..=TableName::MAX_SCHEMA_BYTES).contains(&part.len()));
                prop_assert!(!part.contains(char::is_control) && part.trim() == part);
            }
        }
    }

    #[test]
    fn any_prefix_is_kept_as_it_is_or_refused(text in anything("[a-z:{}*\\[\\\\]{0,12}:")) {
        if let Ok(prefix) = text.parse::<Prefix>() {
            prop_assert_eq!(prefix.as_str(), &text);
            prop_assert!(text.ends_with(':') && !text.contains('\0'));
            // What Redis would hash is the same for a delta and its claim.
            let id = CounterId::new("a}{b", 1, "{c}").unwrap();
            let (claim, pending) = (prefix.claim_name(&id), prefix.pending_name(&id));
            prop_assert_eq!(hash_tag(&claim), hash_tag(&pending));
        }
    }

    #[test]
    fn any_pattern_is_kept_as_it_is_or_refused_and_matches_without_a_panic(
        pattern in anything("[a*?\\[\\]\\\\^-]{0,12}"), text in any::<String>()
    ) {
        if let Ok(parsed) = pattern.parse::<Pattern>() {
            prop_assert_eq!(parsed.as_str(), &pattern);
            parsed.matches(&text);
            // The empty pattern is none.
            let Ok(escaped) = Pattern::escape(&text).parse::<Pattern>() else {
                prop_assert!(text.is_empty());
                return Ok(());
            };
            prop_assert!(escaped.matches(&text));
            let longer = text.clone() + "x";
            prop_assert!(!escaped.matches(&longer));
        }
    }

    #[test]
    fn any_value_of_the_environment_is_taken_or_its_variable_is_named(value in anything("[0-9a-z:._-]{0,20}")) {
        for name in ["COUNTER_STORE", "COUNTER_PREFIX", "COUNTER_TABLE_NAME", "COUNTER_SYNC_BATCH_SIZE"] {
            match config(name, &value) {
                Ok(config) => prop_assert!(config.sync_batch_size <= BatchSize::MAX),
                Err(error) => prop_assert!(error.to_string().contains(name)),
            }
        }
        let config = config("REDIS_URL", &format!("s3cret{value}")).unwrap();
        let shown = format!("{config:?}");
        prop_assert!(!shown.contains("s3cret"));
    }

    #[test]
    fn any_owner_is_taken_as_it_is_or_refused(owner_type in any::<String>(), id in any::<i64>()) {
        match Owner::new(owner_type.clone(), id) {
            Ok(owner) => {
                prop_assert_eq!(owner.owner_type().as_str(), &owner_type);
                prop_assert_eq!(owner.id().as_i64(), Some(id));
                prop_assert_eq!(owner.to_string(), format!("{}:{id}", Printable(&owner_type)));
            }
            Err(Invalid::Empty { .. }) => prop_assert!(owner_type.is_empty()),
            Err(Invalid::Nul { .. }) => prop_assert!(owner_type.contains('\0')),
            Err(error) => prop_assert!(owner_type.chars().count() > 255, "{}", error),
        }
    }

    #[test]
    fn any_text_is_an_owner_id_as_it_is_or_refused(text in any::<String>()) {
        match Owner::new("post", &text) {
            Ok(owner) => prop_assert_eq!(owner.id().as_text(), Some(text.as_str())),
            Err(Invalid::Empty { .. }) => prop_assert!(text.is_empty()),
            Err(Invalid::Nul { .. }) => prop_assert!(text.contains('\0')),
            Err(error) => prop_assert!(text.chars().count() > 255, "{}", error),
        }
    }

    #[test]
    fn any_text_can_be_shown_in_one_line(text in any::<String>()) {
        let shown = Printable(&text).to_string();
        prop_assert!(!shown.contains(char::is_control));
        prop_assert_eq!(shown.lines().count(), usize::from(!text.is_empty()));
    }

    #[cfg(feature = "redis")]
    #[test]
    fn any_url_makes_a_store_or_an_error_that_does_not_show_it(
        text in anything("(redis|rediss|redis\\+unix|unix|valkey|http)(://|:)?(:?s3cret@?)?[a-z0-9:/@?=&%.\\[\\]-]{0,30}")
    ) {
        let builder = counter_core::RedisStore::builder(&text);
        let shown = format!("{builder:?}");
        let said = match builder.connect_lazily().build() {
            Ok(store) => format!("{shown} {store:?}"),
            Err(error) => format!("{shown} {error} {error:?}"),
        };
        prop_assert!(!said.contains("s3cret") || is_where_the_server_is(&text), "{}", said);
    }
}

/// Whether the secret stands where a URL has its host or the path of its socket, which may be
/// shown.
#[cfg(feature = "redis")]
fn is_where_the_server_is(url: &str) -> bool {
    let (scheme, rest) = url.split_once(':').unwrap_or_default();
    let authority = rest.trim_start_matches('/').split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let path = rest.split('?').next().unwrap_or_default();
    host.contains("s3cret") || (scheme.contains("unix") && path.contains("s3cret"))
}

/// The part of a name that decides on its slot in a cluster, by the rule that Redis publishes.
fn hash_tag(name: &str) -> &str {
    let open = name.find('{');
    let tag = open.and_then(|open| {
        let rest = name.get(open + 1..)?;
        rest.get(..rest.find('}')?)
    });
    tag.filter(|tag| !tag.is_empty()).unwrap_or(name)
}

/// Whether each entrance for this kind of input refuses the text.
fn refusals(kind: InputKind, text: &str) -> Vec<bool> {
    let from_environment = |name| {
        let refused = config(name, text);
        refused.is_err_and(|error| {
            std::error::Error::source(&error).is_some() && error.to_string().contains(name)
        })
    };
    match kind {
        InputKind::OwnerType => vec![
            OwnerType::new(text.to_owned()).is_err(),
            Owner::new(text.to_owned(), 1).is_err(),
            CounterId::new(text, 1, "views").is_err(),
        ],
        InputKind::CounterKey => vec![
            text.parse::<CounterKey>().is_err(),
            CounterKey::new(text.to_owned()).is_err(),
            CounterId::new("post", 1, text).is_err(),
        ],
        InputKind::OwnerId => vec![
            text.parse::<OwnerId>().is_err(),
            format!("post:{text}:views").parse::<CounterId>().is_err(),
        ],
        InputKind::CounterId => {
            let names = [format!("counter:{text}"), format!("counter:{{counter:{text}}}")];
            let [pending, claim] = names.map(|name| Prefix::default().parse_name(&name).is_none());
            vec![text.parse::<CounterId>().is_err(), pending, claim]
        }
        InputKind::Claim => {
            let id = CounterId::new("post", 1, "views").unwrap();
            vec![Claim::from_text(id, text).is_err()]
        }
        InputKind::Prefix => {
            vec![text.parse::<Prefix>().is_err(), from_environment("COUNTER_PREFIX")]
        }
        InputKind::Pattern => vec![text.parse::<Pattern>().is_err()],
        InputKind::TableName => {
            vec![text.parse::<TableName>().is_err(), from_environment("COUNTER_TABLE_NAME")]
        }
        InputKind::StoreKind => {
            vec![text.parse::<StoreKind>().is_err(), from_environment("COUNTER_STORE")]
        }
        InputKind::BatchSize => {
            vec![text.parse::<BatchSize>().is_err(), from_environment("COUNTER_SYNC_BATCH_SIZE")]
        }
        InputKind::Period => vec![text.parse::<Period>().is_err()],
        InputKind::Grain => vec![text.parse::<Grain>().is_err()],
        other => panic!("{other} has no entrance here"),
    }
}

#[test]
fn every_entrance_refuses_what_is_no_input_of_its_kind() {
    for (kind, text) in refused::refused() {
        let refusals = refusals(kind, &text);
        assert!(refusals.iter().all(|refused| *refused), "{kind} {text:?}: {refusals:?}");
    }
}

#[test]
fn what_is_no_count_is_none_in_a_claim_either() {
    let id = CounterId::new("post", 1, "views").unwrap();
    for text in refused::REFUSED_COUNTS {
        for op in ["add", "set"] {
            assert!(format!("{op}:{text}").parse::<ClaimOp>().is_err(), "{text:?}");
            let claim = format!("7:{op}:{text}");
            assert!(Claim::from_text(id.clone(), &claim).is_err(), "{text:?}");
        }
    }
}

#[test]
fn the_longest_and_strangest_input_of_each_kind_is_taken() {
    assert!(CounterId::new("é".repeat(255), i64::MIN, "é".repeat(100)).is_ok());
    for prefix in ["c:", ":", "app:counter:", "{tag}:", "a{tag}b:", "a*?[:"] {
        assert!(prefix.parse::<Prefix>().is_ok(), "{prefix:?}");
    }
    assert_eq!("user:1:%3A".parse::<CounterId>().unwrap().key(), ":");
    assert_eq!("memory".parse(), Ok(StoreKind::Memory));
    assert_eq!("99999".parse(), Ok(BatchSize::MAX));
}
