//! What the code that `#[derive(HasCounters)]` writes calls. It may change with any version.

use counter_core::InputKind;
pub use counter_core::{Invalid, OwnerType};

pub use crate::owner::key_of::KeyOf;
pub use crate::query::owner_column::HasOwnerColumn;

/// The error for a text that is none of an enum's keys.
pub fn undeclared_key(text: &str, expected: &'static str) -> Invalid {
    Invalid::Malformed { kind: InputKind::CounterKey, text: text.to_owned(), why: expected }
}
