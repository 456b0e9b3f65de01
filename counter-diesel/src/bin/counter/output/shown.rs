/// `text` with what a terminal would obey, or a reader would not see, as `\u{1b}` and the like.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            c if is_hidden(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

/// The same of several lines.
pub(crate) fn shown_lines(text: &str) -> String {
    text.split_inclusive('\n')
        .map(|line| match line.strip_suffix('\n') {
            Some(line) => shown(line) + "\n",
            None => shown(line),
        })
        .collect()
}

/// Control characters, and those that turn the direction of text, break lines or have no shape.
pub(super) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_spelt_out_and_all_else_is_left_alone() {
        assert_eq!(shown("\u{1b}[31mred\r\n"), "\\u{1b}[31mred\\u{d}\\n");
        assert_eq!(shown("\u{9b}2J\u{7f}\u{202e}"), "\\u{9b}2J\\u{7f}\\u{202e}");
        for plain in ["downloads", "größe", "下载", "a b", "👍", ""] {
            assert_eq!(shown(plain), plain);
        }
        assert_eq!(shown_lines("a\u{1b}\nb\n\nc"), "a\\u{1b}\nb\n\nc");
    }
}
