/// Returns an identifier as a part of a table's name in settings: in quotes if it has a dot or a
/// quote in it, as `TableName` writes it.
pub(crate) fn as_part(identifier: &str) -> String {
    if identifier.contains(['.', '"']) {
        format!("\"{}\"", identifier.replace('"', "\"\""))
    } else {
        identifier.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use counter_core::TableName;

    use super::*;

    #[test]
    fn the_advice_about_another_schema_can_be_copied() {
        for schema in ["app", "tenant-a", "a\"b.c", "\""] {
            let name = format!("{}.{}", as_part(schema), as_part("hits.x"));
            let parsed = name.parse::<TableName>().unwrap();
            assert_eq!((parsed.schema(), parsed.to_string()), (Some(schema), name));
        }
    }
}
