use std::fmt;
use std::str::FromStr;

use crate::invalid::{InputKind, Invalid};

/// The name of the counters' table, `model_counters` unless configured, also as `schema.table`.
///
/// Each part has letters, digits and underscores, does not begin with a digit, and has at most
/// [`TableName::MAX_CHARS`]. It is always quoted, so reserved words are allowed and case is kept.
///
/// ```
/// # use counter_core::TableName;
/// let name: TableName = "statistics.page_counters".parse()?;
/// assert_eq!((name.schema(), name.table()), (Some("statistics"), "page_counters"));
/// # Ok::<(), counter_core::Invalid>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TableName {
    schema: Option<String>,
    table: String,
}

impl TableName {
    /// The greatest length of each part. It leaves room for the suffixes of the tables beside this
    /// one in the 63 bytes of a PostgreSQL identifier, which would be cut without a word.
    pub const MAX_CHARS: usize = 48;

    /// The schema, if one was given.
    pub fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// The table's name without schema.
    pub fn table(&self) -> &str {
        &self.table
    }
}

/// `model_counters`
impl Default for TableName {
    fn default() -> Self {
        Self { schema: None, table: "model_counters".to_owned() }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}.")?;
        }
        f.write_str(&self.table)
    }
}

impl FromStr for TableName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (schema, table) = match text.split_once('.') {
            Some((schema, table)) => (Some(schema), table),
            None => (None, text),
        };
        for part in schema.into_iter().chain([table]) {
            check_identifier(text, part)?;
        }
        Ok(Self { schema: schema.map(str::to_owned), table: table.to_owned() })
    }
}

fn check_identifier(name: &str, part: &str) -> Result<(), Invalid> {
    if part.is_empty() {
        return Err(Invalid::Empty { kind: InputKind::TableName });
    }
    let starts_with_digit = part.starts_with(|c: char| c.is_ascii_digit());
    let is_plain = part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if starts_with_digit || !is_plain {
        let why = "use letters, digits and underscores, with at most one dot after a schema";
        return Err(Invalid::malformed(InputKind::TableName, name, why));
    }
    if part.len() > TableName::MAX_CHARS {
        let (chars, limit) = (part.len(), TableName::MAX_CHARS);
        return Err(Invalid::TooLong { kind: InputKind::TableName, chars, limit });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_name_is_one_or_two_plain_identifiers() {
        let name: TableName = "app.hits".parse().unwrap();
        assert_eq!((name.schema(), name.table()), (Some("app"), "hits"));
        assert_eq!(name.to_string(), "app.hits");
    }
}
