use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::str::FromStr;

use crate::invalid::{InputKind, Invalid};
use crate::printable::Printable;

/// The name of the counters' table, `model_counters` unless configured, also as `schema.table`.
///
/// Each part is any identifier, which every statement quotes: reserved words, hyphens and blanks
/// are allowed and case is kept. In text a part with a dot or a double quote in it is written as
/// SQL writes it, between double quotes: `"tenant.a".hits`. Blanks at either end and what
/// [`Printable`] escapes, NUL among it, are refused: databases refuse some of it, and the rest is a
/// mistake. A table has at most [`TableName::MAX_TABLE_BYTES`], a schema
/// [`TableName::MAX_SCHEMA_BYTES`].
///
/// ```
/// # use counter_core::TableName;
/// let name: TableName = "tenant-a.page_counters".parse()?;
/// assert_eq!((name.schema(), name.table()), (Some("tenant-a"), "page_counters"));
/// # Ok::<(), counter_core::Invalid>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TableName {
    schema: Option<String>,
    table: String,
}

impl TableName {
    /// The greatest length of the table's name, in bytes. With `_migrations`, the longest suffix of
    /// the tables beside it, that is 63, the most that PostgreSQL takes: it would cut a longer name
    /// and say nothing.
    pub const MAX_TABLE_BYTES: usize = 52;

    /// The greatest length of the schema's name, in bytes: the most that PostgreSQL takes.
    pub const MAX_SCHEMA_BYTES: usize = 63;

    /// The schema, if one was given.
    pub fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// The table's name without schema.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Returns an identifier as a part of a table's name in text: between double quotes if it has a
    /// dot or a double quote in it.
    pub fn part(identifier: &str) -> Cow<'_, str> {
        if identifier.contains(['.', '"']) {
            format!("\"{}\"", identifier.replace('"', "\"\"")).into()
        } else {
            identifier.into()
        }
    }
}

/// `model_counters`
impl Default for TableName {
    fn default() -> Self {
        Self { schema: None, table: "model_counters".to_owned() }
    }
}

/// Writes the text that is parsed back to this name.
impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            f.write_str(&Self::part(schema))?;
            f.write_char('.')?;
        }
        f.write_str(&Self::part(&self.table))
    }
}

impl FromStr for TableName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let malformed = |why| Invalid::malformed(InputKind::TableName, text, why);
        let form = || malformed("write table, schema.table, or \"a part\" as SQL quotes it");
        let (first, rest) = split_part(text).ok_or_else(form)?;
        let (schema, table) = match rest {
            None => (None, first),
            Some(rest) => match split_part(rest).ok_or_else(form)? {
                (table, None) => (Some(first), table),
                (_, Some(_)) => return Err(form()),
            },
        };
        for part in schema.iter().chain([&table]) {
            check_identifier(part).map_err(malformed)?;
        }
        let limits = [
            (schema.as_ref().map_or(0, String::len), Self::MAX_SCHEMA_BYTES),
            (table.len(), Self::MAX_TABLE_BYTES),
        ];
        if let Some((bytes, limit)) = limits.into_iter().find(|(bytes, limit)| bytes > limit) {
            return Err(Invalid::TooManyBytes { kind: InputKind::TableName, bytes, limit });
        }
        Ok(Self { schema, table })
    }
}

/// Splits the first part off, and what comes after its dot. `None` if a quote is not closed, or
/// stands where none belongs.
fn split_part(text: &str) -> Option<(String, Option<&str>)> {
    let Some(mut quoted) = text.strip_prefix('"') else {
        let (part, rest) = text.split_once('.').map_or((text, None), |(a, b)| (a, Some(b)));
        return (!part.contains('"')).then(|| (part.to_owned(), rest));
    };
    let mut part = String::new();
    loop {
        let (piece, rest) = quoted.split_once('"')?;
        part.push_str(piece);
        match (rest.strip_prefix('"'), rest.strip_prefix('.')) {
            (Some(rest), _) => {
                part.push('"');
                quoted = rest;
            }
            (None, Some(rest)) => return Some((part, Some(rest))),
            (None, None) => return rest.is_empty().then_some((part, None)),
        }
    }
}

fn check_identifier(part: &str) -> Result<(), &'static str> {
    if part.is_empty() {
        return Err("a table and a schema have at least one character");
    }
    if part.chars().any(Printable::escapes) {
        return Err("characters that cannot be seen are refused");
    }
    if part.trim() != part {
        return Err("blanks at either end are refused");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_name_is_one_or_two_identifiers() {
        for (text, schema, table) in [
            ("hits", None, "hits"),
            ("app.hits", Some("app"), "hits"),
            ("tenant-a.page hits", Some("tenant-a"), "page hits"),
            ("\"tenant.a\".\"say \"\"hi\"\"\"", Some("tenant.a"), "say \"hi\""),
            ("1a.ä", Some("1a"), "ä"),
        ] {
            let name: TableName = text.parse().unwrap();
            assert_eq!((name.schema(), name.table()), (schema, table), "{text}");
            assert_eq!(name.to_string(), text);
        }
        let name: TableName = "\"hits\"".parse().unwrap();
        assert_eq!(name.to_string(), "hits");
    }

    #[test]
    fn identifiers_are_written_as_parts_that_are_parsed_back() {
        for schema in ["app", "tenant-a", "a\"b.c", "\""] {
            let text = format!("{}.{}", TableName::part(schema), TableName::part("hits.x"));
            let name: TableName = text.parse().unwrap();
            assert_eq!((name.schema(), name.table()), (Some(schema), "hits.x"));
            assert_eq!(name.to_string(), text);
        }
    }

    #[test]
    fn a_name_that_a_database_would_cut_is_refused() {
        let (longest, longer) = ("é".repeat(26), "x".repeat(53));
        assert!(longest.parse::<TableName>().is_ok());
        assert!(longer.parse::<TableName>().is_err());
        assert!(format!("{}.{longest}", "s".repeat(63)).parse::<TableName>().is_ok());
        assert!(format!("{}.hits", "s".repeat(64)).parse::<TableName>().is_err());
    }
}
