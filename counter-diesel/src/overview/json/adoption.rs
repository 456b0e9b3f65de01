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
            noted: Option<i64>,
            noted_at: Option<Timestamp>,
        }
        let range = match self.mismatch {
            Some(DatabaseMismatch::WentBack { recorded, noted }) => Some((recorded, noted)),
            _ => None,
        };
        let shape = Shape {
            adopted: self.is_adopted,
            mismatch: self.mismatch.as_ref().map(DatabaseMismatch::as_str),
            message: self.mismatch.as_ref().map(ToString::to_string),
            recorded: range.map(|(recorded, _)| recorded.get()),
            recorded_at: range.and_then(|(recorded, _)| Timestamp::of(recorded)),
            noted: range.map(|(_, noted)| noted.get()),
            noted_at: range.and_then(|(_, noted)| Timestamp::of(noted)),
        };
        shape.serialize(serializer)
    }
}
