use std::str::FromStr;

use counter_diesel::{CounterId, Owner};

/// An owner as it is written at a terminal, `user:123`: the way it stands in the store, so that every type can be
/// written and what was printed can be copied.
#[derive(Debug, Clone)]
pub(crate) struct OwnerArgument {
    pub(crate) owner: Owner,
    pub(crate) text: String,
}

impl FromStr for OwnerArgument {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        // An owner is all of a counter's id but its key.
        let id = format!("{text}:key").parse::<CounterId>();
        let owner = id.and_then(|id| Owner::new(id.owner_type().into_owned(), id.owner_id()));
        let owner = owner.map_err(
            |_| "write it as type:id, such as user:123; in the type % : { } are %25 %3A %7B %7D",
        )?;
        Ok(Self { owner, text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_written_as_it_stands_in_the_store() {
        let owner = |text: &str| text.parse().map(|argument: OwnerArgument| argument.owner).ok();
        assert_eq!(owner("user:123"), Owner::new("user", 123).ok());
        assert_eq!(owner("a%3Ab:-1"), Owner::new("a:b", -1).ok());
        for wrong in ["", "user", "user:", ":1", "user:x", "user:01", "user:1:views", "a%3ab:1"] {
            assert_eq!(owner(wrong), None, "{wrong}");
        }
    }
}
