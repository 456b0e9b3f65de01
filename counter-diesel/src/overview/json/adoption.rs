use serde::{Serialize, Serializer};

use crate::error::DatabaseMismatch;
use crate::overview::timestamp::Timestamp;
use crate::sync::identity::adoption::Adoption;

impl Serialize for Adoption {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shape {
            adopted: bool,
            mismatch: Option<&'static str>,
            message: Option<String>,
            recorded: Option<i64>,
            recorded_at: Option<Timestamp>,
            told: Option<i64>,
            told_at: Option<Timestamp>,
        }
        let range = match self.mismatch {
            Some(DatabaseMismatch::WentBack { recorded, told }) => Some((recorded, told)),
            _ => None,
        };
        let shape = Shape {
            adopted: self.is_adopted,
            mismatch: self.mismatch.as_ref().map(DatabaseMismatch::as_str),
            message: self.mismatch.as_ref().map(ToString::to_string),
            recorded: range.map(|(recorded, _)| recorded.get()),
            recorded_at: range.and_then(|(recorded, _)| Timestamp::of(recorded)),
            told: range.map(|(_, told)| told.get()),
            told_at: range.and_then(|(_, told)| Timestamp::of(told)),
        };
        shape.serialize(serializer)
    }
}
