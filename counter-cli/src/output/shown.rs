use counter_diesel::error::Printable;

/// Returns `text` on one line, with characters escaped that a terminal would obey.
pub(crate) fn shown(text: &str) -> String {
    Printable(text).to_string()
}

/// Like [`shown`], but keeps line breaks.
pub(crate) fn shown_lines(text: &str) -> String {
    text.split_inclusive('\n')
        .map(|line| match line.strip_suffix('\n') {
            Some(line) => shown(line) + "\n",
            None => shown(line),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_lines_and_what_a_terminal_would_obey_is_spelt_out() {
        assert_eq!(shown("\u{1b}[31mred\r\n"), "\\u{1b}[31mred\\r\\n");
        assert_eq!(shown_lines("a\u{1b}\nb\n\nc"), "a\\u{1b}\nb\n\nc");
    }
}
