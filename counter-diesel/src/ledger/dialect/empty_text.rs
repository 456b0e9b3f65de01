//! Refuses a client library that reads every text as an empty one, as MariaDB Connector/C 3.3.19
//! does with Diesel. Every decision based on such a text would be wrong.

use diesel::result::{Error as DieselError, QueryResult};

/// A text that is never empty was read as an empty one.
#[derive(Debug, thiserror::Error)]
#[error("{0} was read as an empty text")]
struct EmptyText(&'static str);

/// Returns a text that is never empty, or an error if it was read as an empty one.
#[cfg_attr(not(feature = "mysql"), allow(dead_code, reason = "others have the client built in"))]
pub(crate) fn not_empty<T: AsRef<str>>(what: &'static str, text: T) -> QueryResult<T> {
    if text.as_ref().is_empty() {
        return Err(DieselError::DeserializationError(EmptyText(what).into()));
    }
    Ok(text)
}

/// Returns whether a statement failed because a text was read as an empty one.
pub(crate) fn is_empty_text(error: &DieselError) -> bool {
    matches!(error, DieselError::DeserializationError(source) if source.is::<EmptyText>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_text_is_refused_and_known_again() {
        assert_eq!(not_empty("it", "text").unwrap(), "text");
        let refused = not_empty("VERSION()", String::new()).unwrap_err();
        assert!(is_empty_text(&refused));
        assert!(refused.to_string().contains("VERSION() was read as an empty text"), "{refused}");
        assert!(!is_empty_text(&DieselError::DeserializationError("it".into())));
        assert!(!is_empty_text(&DieselError::NotFound));
    }
}
