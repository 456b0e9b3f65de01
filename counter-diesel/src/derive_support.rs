//! What the code that `#[derive(HasCounters)]` writes calls. It may change with any version.

use counter_core::{InputKind, Invalid};

/// The error for a text that is none of an enum's keys.
pub fn undeclared_key(text: &str, expected: &'static str) -> Invalid {
    Invalid::Malformed { kind: InputKind::CounterKey, text: text.to_owned(), why: expected }
}
