/// `text` without what may be a password in a URL or among keywords. The library keeps them out of its errors;
/// this is for what people put in the wrong place, such as a URL where a subcommand was expected.
///
/// A password may have characters in it that should have been escaped, quotes and blanks too; so whatever
/// stands before the last `@` may belong to it.
pub(crate) fn without_passwords(text: &str) -> String {
    let text = match text.split_once("://") {
        Some((before, rest)) => format!("{before}://{}", without_user_info(rest)),
        None => text.to_owned(),
    };
    text.split_inclusive('\n').map(without_parameter).collect()
}

/// The same of what was not understood, which may be a piece of a URL only: `:password@host`.
pub(crate) fn without_pieces_of_passwords(text: &str) -> String {
    let text = without_passwords(text);
    // A sentence has blanks behind its colons.
    let colons = text.match_indices(':').map(|(at, _)| at + 1);
    let is_begun = |at: &usize| text.get(*at..).is_some_and(|rest| !rest.starts_with([' ', '/']));
    match (colons.into_iter().find(is_begun), text.rfind('@')) {
        (Some(start), Some(end)) if start < end => {
            let (before, after) = (text.get(..start), text.get(end..));
            format!("{}***{}", before.unwrap_or_default(), after.unwrap_or_default())
        }
        _ => text,
    }
}

/// Of what stands behind `://`.
fn without_user_info(rest: &str) -> String {
    let Some((user_info, host)) = rest.rsplit_once('@') else {
        return rest.to_owned();
    };
    match user_info.split_once(':') {
        Some((user, _)) => format!("{user}:***@{host}"),
        None => rest.to_owned(),
    }
}

/// Of `password=...`, wherever it stands in a line, only its name: a password may have blanks in it.
fn without_parameter(line: &str) -> String {
    let is_of_word = |c: char| c.is_alphanumeric() || c == '_';
    let is_secret = |at: &usize| {
        let before = line.get(..*at).unwrap_or_default().trim_end();
        let word = before.rsplit(|c| !is_of_word(c)).next().unwrap_or_default().to_lowercase();
        word.contains("pass") || word == "pwd"
    };
    let mut signs = line.match_indices('=').map(|(at, _)| at);
    match signs.find(is_secret).and_then(|at| line.get(..=at)) {
        Some(before) => format!("{before}***{}", if line.ends_with('\n') { "\n" } else { "" }),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_taken_out_of_urls_wherever_they_stand() {
        for (text, expected) in [
            ("no URL", "no URL"),
            ("unexpected 'redis://:pw@h/' found", "unexpected 'redis://:***@h/' found"),
            ("a postgres://u:p/w@x@h/d?a=b and c://d", "a postgres://u:***@h/d?a=b and c://d"),
            ("redis+unix:///s?db=1&pass=pw", "redis+unix:///s?db=1&pass=***"),
            ("postgres:///d?host=/h&password=pw'", "postgres:///d?host=/h&password=***"),
            ("'redis://:p'w \"<x>`@h/'\n\nUsage", "'redis://:***@h/'\n\nUsage"),
            ("host=h PASSWORD = 'p w' user=u\nUsage", "host=h PASSWORD =***\nUsage"),
            ("redis://h/?sslPassWord=pw", "redis://h/?sslPassWord=***"),
            ("counter: user:1:a@b = 5", "counter: user:1:a@b = 5"),
            ("mysql://root@h/d", "mysql://root@h/d"),
        ] {
            assert_eq!(without_passwords(text), expected);
        }
    }

    #[test]
    fn pieces_of_a_url_are_taken_out_of_what_was_not_understood() {
        for (text, expected) in [
            ("invalid prefix: \":p:w@x@h\"", "invalid prefix: \":***@h\""),
            ("'u:p w@h' is no owner", "'u:***@h' is no owner"),
            ("redis://:pw@h", "redis://:***@h"),
            ("error: nobody@h", "error: nobody@h"),
            ("a: b", "a: b"),
        ] {
            assert_eq!(without_pieces_of_passwords(text), expected);
        }
    }
}
