use std::borrow::Cow;
use std::fmt::Debug;

use counter_diesel::HasCounters;
use counter_diesel::query::KeyOf;

#[derive(HasCounters)]
#[counters(keys(views))]
struct Borrowed<'a> {
    id: i64,
    title: &'a str,
}

#[derive(HasCounters)]
#[counters(keys(views))]
struct Bound<'b, 'a: 'b>
where
    'a: 'b,
    Cow<'a, str>: Debug,
{
    id: i64,
    title: &'a str,
    body: &'b Cow<'a, str>,
}

#[derive(HasCounters)]
struct Unsized {
    id: i64,
    #[allow(dead_code, reason = "only its type matters here")]
    rest: [u8],
}

/// Fields of types that take a whole parser to read.
#[derive(HasCounters)]
struct Intricate {
    id: i64,
    hash: [u8; {
        let bits = if cfg!(unix) { 256 } else { 128 };
        bits / 8
    }],
    check: for<'any> fn(&'any Self) -> &'any [u8],
}

/// A model that a macro writes: its parts come from different places, and may be wrapped.
macro_rules! model {
    ($vis:vis $name:ident { $id:ident: $ty:ty }, $owner_type:literal, $key:ident = $text:literal) => {
        #[derive(HasCounters)]
        #[counters(keys($key = $text), owner_type = $owner_type)]
        #[diesel(primary_key($id))]
        $vis struct $name {
            $id: $ty,
        }
    };
}

model!(pub(crate) Written { number: i32 }, "by hand", of_macros = "of-macros");

fn views_of<'a>(_: &Borrowed<'a>, key: impl KeyOf<Borrowed<'a>>) -> String {
    key.counter_key().unwrap().to_string()
}

#[test]
fn a_model_may_borrow_and_its_keys_hold_for_any_lifetime() {
    let title = String::from("short-lived");
    let post = Borrowed { id: 1, title: &title };
    assert_eq!(views_of(&post, BorrowedCounter::Views), "views");
    assert_eq!(post.counter_owner_id().unwrap().as_i64(), Some(1));
    assert_eq!(post.title, title);
}

#[test]
fn bounds_on_lifetimes_and_where_clauses_are_carried_over() {
    let body = Cow::Borrowed("body");
    let post = Bound { id: 2, title: "title", body: &body };
    assert_eq!(post.counter_owner_id().unwrap().as_i64(), Some(2));
    assert_eq!((post.title, post.body.as_ref()), ("title", "body"));
    assert_eq!(BoundCounter::ALL, [BoundCounter::Views]);
}

#[test]
fn the_types_of_fields_may_be_as_intricate_as_the_language_allows() {
    let intricate = Intricate { id: 5, hash: Default::default(), check: |model| &model.hash };
    assert_eq!((intricate.check)(&intricate), [0; 32]);
    assert_eq!(intricate.counter_owner_id().unwrap().as_i64(), Some(5));
}

#[test]
fn a_model_need_not_be_sized() {
    assert_eq!(Unsized::OWNER_TYPE.as_str(), "unsized");
}

#[test]
fn a_model_may_be_written_by_a_macro() {
    let written = Written { number: 3 };
    assert_eq!(written.counter_owner_id().unwrap().as_i64(), Some(3));
    assert_eq!(Written::OWNER_TYPE.as_str(), "by hand");
    assert_eq!(WrittenCounter::OfMacros.as_str(), "of-macros");
}

#[test]
fn a_model_may_be_declared_inside_a_function() {
    #[derive(HasCounters)]
    #[counters(keys(views))]
    struct Local {
        id: i64,
    }

    assert_eq!(Local { id: 4 }.counter_owner_id().unwrap().as_i64(), Some(4));
    assert_eq!(LocalCounter::Views.as_str(), "views");
}
