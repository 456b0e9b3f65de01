use std::fmt::{self, Write as _};

/// A text from outside as it can be shown in one line of a terminal or a log.
///
/// Names and messages come from outside. What would end the line, steer the terminal, turn the
/// direction of writing or not be seen is escaped as Rust does it, `\n` or `\u{1b}`; all else is
/// left as it is. So are the joiners U+200C and U+200D and the variation selectors U+FE00 to
/// U+FE0F, without which emoji and some scripts are written differently.
///
/// ```
/// # use counter_core::Printable;
/// assert_eq!(Printable("größe\n\u{1b}[2J").to_string(), "größe\\n\\u{1b}[2J");
/// assert_eq!(format!("{:?}", Printable("größe\n")), "\"größe\\n\"");
/// ```
#[derive(Clone, Copy)]
pub struct Printable<'a>(pub &'a str);

impl Printable<'_> {
    /// Whether this character is escaped, for other ways of escaping the same ones.
    pub fn escapes(c: char) -> bool {
        c.is_control()
            || matches!(c,
                '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
                | '\u{180b}'..='\u{180f}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}')
    }
}

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if Self::escapes(c) {
                write!(f, "{}", c.escape_default())?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

/// Between double quotes, so that it is seen where the text ends.
impl fmt::Debug for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            if matches!(c, '"' | '\\') || Self::escapes(c) {
                write!(f, "{}", c.escape_default())?;
            } else {
                f.write_char(c)?;
            }
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_forge_a_line_is_escaped_and_all_else_is_left() {
        for (text, shown) in [
            ("views", "views"),
            ("a\r\nb\tc", "a\\r\\nb\\tc"),
            ("\u{1b}]0;x\u{7}", "\\u{1b}]0;x\\u{7}"),
            ("\u{9b}31m\u{85}", "\\u{9b}31m\\u{85}"),
            ("\u{202e}cba\u{2028}", "\\u{202e}cba\\u{2028}"),
            ("a\u{200b}\u{feff}\u{e0041}", "a\\u{200b}\\u{feff}\\u{e0041}"),
            ("a\u{3164}\u{2800}\u{e0fff}", "a\\u{3164}\\u{2800}\\u{e0fff}"),
            ("❤\u{fe0f}", "❤\u{fe0f}"),
            ("مرحبا 👨‍👩‍👧 e\u{301} 'a' \"b\" \\", "مرحبا 👨‍👩‍👧 e\u{301} 'a' \"b\" \\"),
        ] {
            assert_eq!(Printable(text).to_string(), shown);
        }
    }

    #[test]
    fn what_is_quoted_shows_where_it_ends() {
        assert_eq!(
            format!("{:?}", Printable("größe\n\"\\\u{3164}")),
            "\"größe\\n\\\"\\\\\\u{3164}\""
        );
    }
}
