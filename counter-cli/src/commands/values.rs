//! Shows counters of an owner with their values, as several commands print them.

use serde_json::{Value, json};

use crate::output::table;

pub(super) fn in_json(values: &[(String, i64)]) -> Value {
    values.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

pub(super) fn in_table(values: &[(String, i64)]) -> String {
    let row = |(key, value): &(String, i64)| ([value.to_string()], key.clone());
    table(&values.iter().map(row).collect::<Vec<_>>())
}
