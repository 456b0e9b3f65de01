//! What is asked for and was never counted. Its value is 0, which looks like an answer.

use counter_diesel::{Counters, Owner, OwnerId};

use crate::owner::{self, OwnerArgument};

/// Returns what to say where these values of an owner are 0 because nothing is known of them.
/// `None` where all are known, and where that cannot be found out.
pub(super) fn hint(
    counters: &Counters,
    owner: &OwnerArgument,
    values: &[(String, i64)],
) -> Option<String> {
    if values.iter().all(|(_, value)| *value != 0) {
        return None;
    }
    let known = counters.all(&owner.owner).ok()?;
    let unknown = values.iter().filter(|(key, value)| *value == 0 && !known.contains_key(key));
    let unknown = unknown.map(|(key, _)| key.as_str()).collect::<Vec<_>>();
    let text = &owner.text;
    if unknown.is_empty() {
        return None;
    }
    let unknown = unknown.join(", ");
    if !known.is_empty() {
        let known = known.into_keys().collect::<Vec<_>>().join(", ");
        return Some(format!("{text} has no counter {unknown}; it has: {known}"));
    }
    if values.iter().any(|(_, value)| *value != 0) {
        return Some(format!("{text} has no counter {unknown}"));
    }
    let is_there = |other: &Owner| counters.all(other).is_ok_and(|known| !known.is_empty());
    Some(match written_otherwise(&owner.owner).filter(is_there) {
        Some(other) => {
            let other = owner::text_of(&other);
            format!("no counter of {text} is known, but there are some of {other}: write that")
        }
        None => format!("no counter of {text} is known: are its type and its id right?"),
    })
}

/// Returns the owner that is often meant instead: the text of a number, the number of a text, or
/// the UUID in lower case.
fn written_otherwise(owner: &Owner) -> Option<Owner> {
    let owner_type = owner.owner_type().as_str().to_owned();
    let other = match owner.id() {
        OwnerId::Integer(number) => return Owner::new(owner_type, number.to_string()).ok(),
        id => id.as_text()?,
    };
    if let Ok(number) = other.parse::<i64>() {
        return Owner::new(owner_type, number).ok();
    }
    let lower = other.to_lowercase();
    Owner::new(owner_type, lower).ok().filter(|other| other != owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_a_text_of_one_and_a_uuid_in_capitals_are_often_meant_otherwise() {
        let other = |text: &str| {
            let owner = text.parse::<OwnerArgument>().unwrap().owner;
            written_otherwise(&owner).map(|other| owner::text_of(&other))
        };
        let lower = "post:6fa459ea-ee8a-3ca4-894e-db77e160355e";
        assert_eq!(other("post:42").as_deref(), Some("post:%342"));
        assert_eq!(other("post:%342").as_deref(), Some("post:42"));
        assert_eq!(other("post:6FA459EA-EE8A-3CA4-894E-DB77E160355E").as_deref(), Some(lower));
        assert_eq!(other(lower), None);
    }
}
