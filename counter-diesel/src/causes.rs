use std::error::Error;

use counter_core::Printable;

/// Returns an error with its causes on one line, escaped for a terminal. Some databases answer in
/// several lines.
pub fn one_line(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    let words = text.split_whitespace().collect::<Vec<_>>();
    Printable(&words.join(" ")).to_string()
}

#[cfg(test)]
mod tests {
    use diesel::result::{DatabaseErrorKind, Error as DieselError};

    use super::*;
    use crate::error::{Error, LedgerStep};

    #[test]
    fn an_error_is_one_line_with_its_causes_whatever_they_say() {
        let said = "no\nerror all is lost\u{1b}[2J".to_owned();
        let source = DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(said));
        let error = Error::Database { step: LedgerStep::Read, source };
        let text = one_line(&error);
        assert!(text.starts_with(&error.to_string()), "{text}");
        assert!(text.ends_with(": no error all is lost\\u{1b}[2J"), "{text}");
    }
}
