use std::fmt;

use counter_core::Printable;

use crate::engine::distinct::Distinct;

/// How many names a finding shows, and how much of each.
const SHOWN: usize = 3;
const SHOWN_CHARS: usize = 120;

/// Things that are counted, and the first of them shown.
#[derive(Default)]
pub(super) struct Listed {
    all: Distinct,
    first: Vec<String>,
}

impl Listed {
    pub(super) fn insert(&mut self, name: &str) {
        if self.all.insert(name) && self.first.len() < SHOWN {
            self.first.push(Shortened(name).to_string());
        }
    }

    pub(super) fn count(&self) -> usize {
        self.all.count()
    }

    /// Returns how many there are and the first of them, as in `2 names (a, b)`.
    pub(super) fn summary(&self, what: &str) -> String {
        let more = if self.count() > self.first.len() { ", …" } else { "" };
        format!("{} {what} ({}{more})", self.count(), self.first.join(", "))
    }
}

/// The beginning of a name, printable.
pub(super) struct Shortened<'a>(pub(super) &'a str);

impl fmt::Display for Shortened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(SHOWN_CHARS) {
            Some((end, _)) => write!(f, "{}…", Printable(self.0.get(..end).unwrap_or_default())),
            None => Printable(self.0).fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported<const N: usize>(names: [&str; N]) -> String {
        let mut listed = Listed::default();
        names.iter().for_each(|name| listed.insert(name));
        listed.summary("names")
    }

    #[test]
    fn names_are_counted_once_each_and_three_are_shown() {
        assert_eq!(reported(["a", "b", "a"]), "2 names (a, b)");
        assert_eq!(reported(["a", "b", "c"]), "3 names (a, b, c)");
        assert_eq!(reported(["a", "b", "c", "d", "e"]), "5 names (a, b, c, …)");
    }

    #[test]
    fn names_that_would_forge_a_line_or_fill_the_screen_are_shown_harmless() {
        let forged = reported(["x\r\nerror: pay up\u{1b}[2J\u{202e}"]);
        assert_eq!(forged, "1 names (x\\r\\nerror: pay up\\u{1b}[2J\\u{202e})");
        let shown = "é".repeat(SHOWN_CHARS);
        assert_eq!(reported([&"é".repeat(100_000)]), format!("1 names ({shown}…)"));
    }
}
