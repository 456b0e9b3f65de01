use std::str::FromStr;

use counter_diesel::query::OwnerType;
use counter_diesel::{CounterId, CounterKey, Owner};

/// An owner as it is written at a terminal, `user:123`: the same text as in the store, so that
/// every type can be written and printed owners can be copied.
#[derive(Debug, Clone)]
pub(crate) struct OwnerArgument {
    pub(crate) owner: Owner,
    pub(crate) text: String,
}

impl FromStr for OwnerArgument {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        // An owner is a counter's id without its key.
        let id = format!("{text}:key").parse::<CounterId>();
        let owner = id.and_then(|id| Owner::new(id.owner_type().into_owned(), id.owner_id()));
        let owner = owner.map_err(|_| {
            "write it as type:id, such as user:123; in type and id % : { } are %25 %3A %7B %7D, \
                 and an id that is a text of digits has its first one encoded, as in user:%3123"
        })?;
        Ok(Self { owner, text: text.to_owned() })
    }
}

/// A type of owners, written as in an owner.
#[derive(Debug, Clone)]
pub(crate) struct OwnerTypeArgument {
    pub(crate) owner_type: OwnerType,
    pub(crate) text: String,
}

impl FromStr for OwnerTypeArgument {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let id = format!("{text}:0:key").parse::<CounterId>();
        let owner_type = id.and_then(|id| OwnerType::new(id.owner_type().into_owned()));
        let owner_type = owner_type.map_err(
            |_| "write it as in an owner, such as user; the characters % : { } are %25 %3A %7B %7D",
        )?;
        Ok(Self { owner_type, text: text.to_owned() })
    }
}

/// Returns an owner as it is written at a terminal.
pub(crate) fn text_of(owner: &Owner) -> String {
    let key = CounterKey::from_static("key");
    let id = CounterId::of(owner, &key);
    id.as_str().strip_suffix(":key").unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_written_as_it_stands_in_the_store() {
        let owner = |text: &str| text.parse().map(|argument: OwnerArgument| argument.owner).ok();
        assert_eq!(owner("user:123"), Owner::new("user", 123).ok());
        assert_eq!(owner("a%3Ab:-1"), Owner::new("a:b", -1).ok());
        assert_eq!(owner("user:x%3Ay"), Owner::new("user", "x:y").ok());
        assert_eq!(owner("user:%3123"), Owner::new("user", "123").ok());
        for wrong in ["", "user", "user:", ":1", "user:%61", "user:1:views", "a%3ab:1"] {
            assert_eq!(owner(wrong), None, "{wrong}");
        }
        assert_eq!(owner("user:9223372036854775808"), None);
    }

    #[test]
    fn a_type_of_owners_is_written_as_in_an_owner() {
        let owner_type = |text: &str| text.parse().map(|a: OwnerTypeArgument| a.owner_type).ok();
        assert_eq!(owner_type("user"), OwnerType::new("user").ok());
        assert_eq!(owner_type("a%3Ab"), OwnerType::new("a:b").ok());
        for wrong in ["", "user:1", "a:b", "a%3ab", "%"] {
            assert_eq!(owner_type(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_printed_of_an_owner_can_be_given_back() {
        for text in ["user:123", "a%3Ab:-1", "user:%3123", "user:x%3Ay"] {
            assert_eq!(text_of(&text.parse::<OwnerArgument>().unwrap().owner), text);
        }
    }
}
