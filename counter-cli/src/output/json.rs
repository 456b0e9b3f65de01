use counter_diesel::error::Printable;
use serde::Serialize;
use serde_json::{Error, Value, json};

/// Version of the shapes that `COMMAND.md` describes. Adding a field does not change it.
pub(crate) const VERSION: u32 = 1;

/// Returns what a command found, as one line.
pub(super) fn document(command: &str, found: &impl Serialize) -> Result<String, Error> {
    let mut found = serde_json::to_value(found)?;
    if let Value::Object(fields) = &mut found {
        fields.insert("version".to_owned(), json!(VERSION));
        fields.insert("command".to_owned(), json!(command));
    }
    Ok(line(&found.to_string()))
}

/// Returns JSON on one line, and escapes characters that a terminal would obey. Such characters can
/// only stand in strings.
pub(super) fn line(json: &str) -> String {
    let mut line = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        if Printable::escapes(c) {
            let mut units = [0; 2];
            let units = c.encode_utf16(&mut units).iter();
            units.for_each(|unit| line.push_str(&format!("\\u{unit:04x}")));
        } else {
            line.push(c);
        }
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_one_line_that_no_terminal_obeys_and_means_what_was_put_in() {
        let key = "\u{1b}[31m\n\u{9b}2J\u{202e}\u{7f}é\u{e0041}";
        let document = document("get", &json!({ "key": key })).unwrap();
        assert!(document.ends_with("}\n"), "{document}");
        assert!(!document.trim_end().contains(Printable::escapes), "{document:?}");
        let parsed: Value = serde_json::from_str(&document).unwrap();
        assert_eq!(parsed, json!({ "key": key, "version": 1, "command": "get" }));
    }
}
