//! A package that depends on `counter-diesel` under another name.

use tally_marks::HasCounters;

/// A model.
#[derive(HasCounters)]
#[counters(keys(views))]
pub struct Post {
    /// Its primary key.
    pub id: i64,
}

#[cfg(test)]
mod tests {
    use tally_marks::HasCounters;
    use tally_marks::query::KeyOf;

    use super::{Post, PostCounter};

    #[test]
    fn a_renamed_crate_is_found() {
        assert_eq!(Post { id: 42 }.counter_owner_id(), "42".parse());
        let key = KeyOf::<Post>::counter_key(&PostCounter::Views);
        assert_eq!(key.as_ref(), Ok(&Post::KEYS[0]));
    }
}
