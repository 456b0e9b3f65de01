use std::collections::{BTreeSet, HashSet};

use counter_diesel::error::Invalid;
use counter_diesel::query::KeyOf;
use counter_diesel::{CounterKey, HasCounters};

#[derive(HasCounters)]
#[counters(keys(views, likes, api_calls = "api-calls"))]
struct Post {
    id: i64,
}

#[derive(HasCounters)]
struct Plain {
    id: i64,
}

#[derive(HasCounters)]
#[counters(key_enum = Tally, keys(views))]
struct Article {
    id: i64,
}

#[derive(HasCounters)]
#[counters(key_enum = "PageKey", keys(views))]
struct Page {
    id: i64,
}

#[derive(HasCounters)]
#[counters(keys(r#type, r#match, fn, plain = r#"Größe "1": {x}%\n"#))]
struct Odd {
    id: i64,
}

/// Variants that share their names with what the derived code uses.
#[derive(HasCounters)]
#[counters(keys(ok, err, some, none, string, option, result, all, as_str, counter_key))]
struct Confusing {
    id: i64,
}

/// The key, where only those of the model `M` are accepted.
fn key_of<M>(key: impl KeyOf<M>) -> Result<CounterKey, Invalid> {
    key.counter_key()
}

#[test]
fn the_model_declares_its_keys_in_their_order() {
    let keys: Vec<_> = Post::KEYS.iter().map(CounterKey::as_str).collect();
    assert_eq!(keys, ["views", "likes", "api-calls"]);
    assert_eq!(Plain::KEYS, []);
}

#[test]
fn the_enum_has_all_keys_in_the_same_order() {
    use PostCounter::{ApiCalls, Likes, Views};

    assert_eq!(PostCounter::ALL, [Views, Likes, ApiCalls]);
    assert!(Views < Likes && Likes < ApiCalls);
}

#[test]
fn a_key_as_text_is_its_name_unless_a_text_was_given() {
    const VIEWS: &str = PostCounter::Views.as_str();

    assert_eq!(VIEWS, "views");
    assert_eq!(PostCounter::ApiCalls.as_str(), "api-calls");
}

#[test]
fn a_key_displays_as_its_text_and_minds_the_width() {
    assert_eq!(PostCounter::ApiCalls.to_string(), "api-calls");
    assert_eq!(format!("{:>7}|", PostCounter::Views), "  views|");
}

#[test]
fn every_key_is_read_from_its_text() {
    for key in PostCounter::ALL {
        assert_eq!(key.as_str().parse(), Ok(*key));
    }
}

#[test]
fn a_text_that_was_not_declared_is_an_error_that_names_those_that_were() {
    for text in ["Views", "api_calls", "ApiCalls", ""] {
        let error = text.parse::<PostCounter>().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                r#"{text:?} is not a counter key: expected one of "views", "likes", "api-calls""#
            ),
        );
    }
}

#[test]
fn a_variant_is_a_key_of_its_model() {
    for (variant, declared) in PostCounter::ALL.iter().zip(Post::KEYS) {
        assert_eq!(key_of::<Post>(*variant).as_ref(), Ok(declared));
        assert_eq!(key_of::<Post>(variant).as_ref(), Ok(declared));
    }
}

#[test]
fn texts_are_keys_beside_the_variants() {
    assert_eq!(key_of::<Post>("shares").unwrap().as_str(), "shares");
    assert_eq!(key_of::<Plain>("shares").unwrap().as_str(), "shares");
}

#[test]
fn the_option_replaces_the_enums_name() {
    assert_eq!(key_of::<Article>(Tally::Views).unwrap().as_str(), "views");
}

#[test]
fn the_enums_name_may_stand_in_quotes() {
    assert_eq!(key_of::<Page>(PageKey::Views).unwrap().as_str(), "views");
}

#[test]
fn keywords_are_keys_with_and_without_the_mark_of_a_raw_identifier() {
    assert_eq!(OddCounter::Type.as_str(), "type");
    assert_eq!(OddCounter::Match.as_str(), "match");
    assert_eq!(OddCounter::Fn.as_str(), "fn");
}

#[test]
fn a_text_may_hold_anything_that_the_core_takes() {
    let text = r#"Größe "1": {x}%\n"#;
    assert_eq!(OddCounter::Plain.as_str(), text);
    assert_eq!(text.parse(), Ok(OddCounter::Plain));
    assert_eq!(key_of::<Odd>(OddCounter::Plain).unwrap().as_str(), text);
}

#[test]
fn keys_named_as_what_the_derived_code_uses_are_keys_as_any_other() {
    assert_eq!("err".parse(), Ok(ConfusingCounter::Err));
    assert_eq!("ok".parse(), Ok(ConfusingCounter::Ok));
    assert_eq!(ConfusingCounter::All.as_str(), "all");
    assert_eq!(ConfusingCounter::ALL.len(), 10);
}

#[test]
fn keys_are_copied_compared_sorted_and_hashed() {
    let copy = PostCounter::Views;
    let twice = [copy, copy, PostCounter::Likes];
    assert_eq!(HashSet::from(twice).len(), 2);
    assert_eq!(BTreeSet::from(twice).len(), 2);
    assert_eq!(format!("{copy:?}"), "Views");
}

// 100 characters of two bytes each: the macro and the core count alike.
macro_rules! longest {
    ($text:literal) => {
        #[derive(HasCounters)]
        #[counters(keys(longest = $text))]
        struct Longest {
            id: i64,
        }
    };
}

longest!(
    "ääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää\
     ääääääääääääääääääääääääääääääääääääääää"
);

#[test]
fn the_longest_key_that_the_core_takes_is_accepted() {
    let chars = LongestCounter::Longest.as_str().chars().count();
    assert_eq!(chars, CounterKey::MAX_CHARS);
}
