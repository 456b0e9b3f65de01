//! The names of the standard library, taken.

#![allow(
    dead_code,
    non_camel_case_types,
    non_upper_case_globals,
    reason = "they are only in the way"
)]

use ::counter_diesel::HasCounters;

// Derives by the names of those that the enum needs.
#[allow(unused_imports, reason = "they are only in the way")]
use ::counter_diesel::{
    HasCounters as Clone, HasCounters as Copy, HasCounters as Debug, HasCounters as Eq,
    HasCounters as Hash, HasCounters as Ord, HasCounters as PartialEq, HasCounters as PartialOrd,
};

/// A model among names that are not what they seem.
#[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug, HasCounters)]
#[counters(keys(post_views, post_likes, post_calls = "post-calls"))]
#[non_exhaustive]
pub struct Post {
    id: i64,
}

struct Option;
struct Some;
struct None;
struct Result;
struct Ok;
struct Err;
struct String;
struct Owner;
struct OwnerId;
struct OwnerType;
struct CounterKey;
struct Invalid;
struct ToOwnerId;
struct KeyOf;
struct Formatter;
struct bool;
struct str;
struct usize;

mod core {}
mod std {}
mod alloc {}
mod fmt {}
mod counter_diesel {}

// Lower-case constants, which would turn the parameters of those names into patterns.
const f: u8 = 0;
const text: u8 = 0;
const key: u8 = 0;
const formatter: u8 = 0;

/// Methods that everything has.
trait Everywhere {
    fn to_owner_id(&self) {}
    fn counter_owner_id(&self) {}
    fn counter_key(&self) {}
    fn as_str(&self) {}
    fn pad(&self) {}
    fn fmt(&self) {}
    fn from_str() {}
    fn from_static() {}
}

impl<T: ?Sized> Everywhere for T {}
