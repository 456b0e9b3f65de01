//! The statements that look owners up in a table of the application's. What is compared with the
//! column is of the column's kind, so that an index of it helps.

use std::collections::BTreeMap;

use counter_core::{OwnerId, TableName};
use diesel::sql_types::Text;

use super::statement::Statement;
use crate::ledger::dialect::owners::{ColumnKind, ColumnSql};

/// Ids that are looked up in one way, by what the column is then returned as.
pub(crate) struct Lookup {
    way: Way,
    wanted: BTreeMap<String, Vec<OwnerId>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// As numbers.
    Numbers,
    /// As texts.
    Texts,
    /// As texts that are filled up with blanks to the column's length.
    PaddedTexts,
    /// As values of the database's own type for UUIDs.
    Uuids,
    /// As the bytes of UUIDs, the most significant first.
    Bytes,
    /// As texts, which the column is cast to. No index helps.
    CastTexts,
}

/// Returns how these ids are looked up in a column of this kind. An id that no value of the column
/// can be is not looked up.
pub(crate) fn lookups(kind: ColumnKind, ids: &[OwnerId]) -> Vec<Lookup> {
    let lookup = |way, form: fn(&OwnerId) -> Option<String>| {
        let mut wanted = BTreeMap::<_, Vec<_>>::new();
        for id in ids {
            if let Some(form) = form(id) {
                wanted.entry(form).or_default().push(id.clone());
            }
        }
        Lookup { way, wanted }
    };
    let mut lookups = match kind {
        ColumnKind::Numbers => {
            vec![lookup(Way::Numbers, any_integer), lookup(Way::CastTexts, other_number)]
        }
        ColumnKind::Texts => vec![lookup(Way::Texts, form)],
        ColumnKind::PaddedTexts => vec![lookup(Way::PaddedTexts, form)],
        ColumnKind::Uuids => vec![lookup(Way::Uuids, uuid)],
        ColumnKind::Bytes => vec![lookup(Way::Bytes, digits_of_uuid)],
        ColumnKind::BytesOrTexts => {
            vec![lookup(Way::Bytes, digits_of_uuid), lookup(Way::Texts, form)]
        }
        ColumnKind::Anything => vec![
            lookup(Way::Numbers, number),
            lookup(Way::Texts, text),
            lookup(Way::Bytes, digits_of_uuid),
        ],
        ColumnKind::Other => vec![lookup(Way::CastTexts, form)],
    };
    lookups.retain(|lookup| !lookup.wanted.is_empty());
    lookups
}

fn number(id: &OwnerId) -> Option<String> {
    id.as_i64().map(|number| number.to_string())
}

fn text(id: &OwnerId) -> Option<String> {
    id.as_text().map(str::to_owned)
}

/// A column of texts may hold what an integer reads like.
fn form(id: &OwnerId) -> Option<String> {
    number(id).or_else(|| text(id))
}

/// A number may be what a text reads like.
fn any_integer(id: &OwnerId) -> Option<String> {
    let is_integer = |text: &String| text.parse().is_ok_and(|n: i64| n.to_string() == *text);
    form(id).filter(is_integer)
}

/// Of texts, only those that read like numbers can be what a number is as a text.
fn other_number(id: &OwnerId) -> Option<String> {
    let is_number = |text: &String| any_integer(id).is_none() && text.parse::<f64>().is_ok();
    text(id).filter(is_number)
}

fn uuid(id: &OwnerId) -> Option<String> {
    text(id).filter(|_| digits_of_uuid(id).is_some())
}

/// Numbers of ids in one statement: a few, so that each is prepared once and kept.
const SIZES: [usize; 3] = [10, 100, MOST_PRESENT];

/// The greatest number of ids that one statement looks up. SQLite takes 999 parameters at most
/// before 3.32.
const MOST_PRESENT: usize = 900;

impl Lookup {
    /// Returns the statements, each with those of the ids that are there.
    pub(crate) fn statements(
        &self,
        table: &TableName,
        column: &str,
        sql: ColumnSql,
    ) -> Vec<Statement<'_, Text>> {
        let column = quoted(column);
        let text = format!("CAST({column} AS {})", sql.text);
        let returned = match self.way {
            // Not as the column would be shown, because that may have leading zeros.
            Way::Numbers => format!("CAST(CAST({column} AS {}) AS {})", sql.integer, sql.text),
            Way::Bytes => sql.hex.replace("{}", &column),
            _ => text.clone(),
        };
        let compared = if self.way == Way::CastTexts { &text } else { &column };
        let wanted = self.wanted.keys().collect::<Vec<_>>();
        let statement = |wanted: &[&'_ String]| {
            let from = name(table);
            let present = Statement::new(format!("SELECT {returned} FROM {from} WHERE {compared}"));
            in_list(present, wanted, |present, form| self.push(present, form, sql))
        };
        wanted.chunks(MOST_PRESENT).map(statement).collect()
    }

    fn push<'a>(
        &self,
        present: Statement<'a, Text>,
        form: &str,
        sql: ColumnSql,
    ) -> Statement<'a, Text> {
        let cast_to = match self.way {
            Way::Numbers => return present.big_int(form.parse().unwrap_or_default()),
            Way::Bytes => return present.bytes(bytes_of_digits(form)),
            Way::PaddedTexts => sql.padded,
            Way::Uuids => sql.uuid,
            Way::Texts | Way::CastTexts => None,
        };
        let form = form.to_owned();
        match cast_to {
            Some(cast_to) => present.sql("CAST(").text(form).sql(format!(" AS {cast_to})")),
            None => present.text(form),
        }
    }

    /// Returns the ids that a value of the column is.
    pub(crate) fn ids_of(&self, returned: &str) -> &[OwnerId] {
        self.wanted.get(returned).map(Vec::as_slice).unwrap_or_default()
    }
}

fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// Returns the name of a table of the application's as SQL has it.
pub(crate) fn name(table: &TableName) -> String {
    let parts = [table.schema(), Some(table.table())].into_iter().flatten();
    parts.map(quoted).collect::<Vec<_>>().join(".")
}

/// Adds `IN` with a list of one of a few lengths, in which the last value may be repeated.
pub(super) fn in_list<'a, T, Row>(
    mut statement: Statement<'a, Row>,
    values: &[T],
    push: impl Fn(Statement<'a, Row>, &T) -> Statement<'a, Row>,
) -> Statement<'a, Row> {
    let size = SIZES.into_iter().find(|size| *size >= values.len()).unwrap_or(values.len());
    let last = values.last().into_iter();
    for (place, value) in values.iter().chain(last.cycle()).take(size).enumerate() {
        statement = push(statement.sql(if place == 0 { " IN (" } else { ", " }), value);
    }
    statement.sql(")")
}

/// Returns the digits of a UUID in capitals, if the id is the text of one.
fn digits_of_uuid(id: &OwnerId) -> Option<String> {
    let text = id.as_text()?;
    let digits = text.replace('-', "").to_ascii_uppercase();
    (uuid_of_digits(&digits).as_deref() == Some(text)).then_some(digits)
}

/// Returns the text of the UUID that has these digits, or `None` if they are not 32.
fn uuid_of_digits(digits: &str) -> Option<String> {
    let is_digit = |digit: u8| matches!(digit, b'0'..=b'9' | b'A'..=b'F');
    if digits.len() != 32 || !digits.bytes().all(is_digit) {
        return None;
    }
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| digits.get(part));
    let parts = parts.into_iter().flatten().collect::<Vec<_>>();
    Some(parts.join("-").to_ascii_lowercase())
}

fn bytes_of_digits(digits: &str) -> Vec<u8> {
    let pairs = (0..digits.len()).step_by(2).filter_map(|at| digits.get(at..at + 2));
    pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use counter_core::ToOwnerId;

    use super::*;

    const UUID: &str = "6fa459ea-ee8a-3ca4-894e-db77e160355e";

    #[test]
    fn only_the_lowercase_text_of_a_uuid_has_digits_and_comes_back() {
        let digits = digits_of_uuid(&UUID.to_owner_id().unwrap()).unwrap();
        assert_eq!(digits, "6FA459EAEE8A3CA4894EDB77E160355E");
        assert_eq!(uuid_of_digits(&digits).as_deref(), Some(UUID));
        let bytes = bytes_of_digits(&digits);
        assert_eq!((bytes.len(), bytes.first(), bytes.last()), (16, Some(&0x6f), Some(&0x5e)));
        let others = [UUID.to_uppercase(), UUID.replace('-', ""), UUID.replace('6', "g")];
        for other in others.iter().map(String::as_str).chain(["a", "42"]) {
            assert_eq!(digits_of_uuid(&other.to_owner_id().unwrap()), None, "{other}");
        }
        assert_eq!(uuid_of_digits("6fa459"), None);
    }

    #[test]
    fn each_id_is_looked_up_as_the_column_may_hold_it() {
        let ids = [42.to_owner_id(), "42".to_owner_id(), "a".to_owner_id(), UUID.to_owner_id()];
        let ids = ids.map(Result::unwrap);
        let fraction = "1.5".to_owner_id().unwrap();
        assert_eq!(lookups(ColumnKind::Numbers, &[fraction])[0].way, Way::CastTexts);
        let ways = |kind| {
            let lookups = lookups(kind, &ids).into_iter();
            lookups.map(|lookup| (lookup.way, lookup.wanted.len())).collect::<Vec<_>>()
        };
        assert_eq!(ways(ColumnKind::Numbers), [(Way::Numbers, 1)]);
        assert_eq!(ways(ColumnKind::Texts), [(Way::Texts, 3)]);
        assert_eq!(ways(ColumnKind::Uuids), [(Way::Uuids, 1)]);
        let anything = [(Way::Numbers, 1), (Way::Texts, 3), (Way::Bytes, 1)];
        assert_eq!(ways(ColumnKind::Anything), anything);
        let texts = &lookups(ColumnKind::Texts, &ids)[0];
        assert_eq!(texts.ids_of("42"), &ids[..2]);
        assert!(texts.ids_of("42 ").is_empty());
    }
}
