//! Passwords, which drivers repeat where they cannot use a URL.

use counter_core::BoxError;

/// The pieces of a URL that may be pieces of a password.
///
/// A driver names what it cannot use, and where a password has an `@` or a `/` in it that should have been
/// escaped, what it takes for a host or a port is a piece of the password.
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    pub(super) fn of(url: &str) -> Self {
        let user_info = url.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@'));
        let password = user_info.and_then(|(user_info, _)| user_info.split_once(':'));
        let parameter = url.split_once("password");
        let suspicious = [password, parameter].into_iter().flatten();
        let mut pieces = suspicious
            .flat_map(|(_, rest)| {
                rest.split(|c: char| "=@/?#&:'\"".contains(c) || c.is_whitespace())
            })
            .filter(|piece| !piece.is_empty())
            .map(str::to_owned)
            .collect::<Vec<_>>();
        pieces.sort_by_key(|piece| std::cmp::Reverse(piece.len()));
        Self(pieces)
    }

    pub(super) fn removed_from(&self, text: &str) -> String {
        let pieces = self.0.iter();
        pieces.fold(text.to_owned(), |text, piece| text.replace(piece, "***"))
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

/// What is said about a server that was found, or by it, begins like this, and quotes names that are worth
/// reading.
const HARMLESS: [&str; 2] = ["connection to server ", "FATAL:"];

/// The error of an application's pool, whose URL is not known here, without what it quotes of that:
/// PostgreSQL's library quotes what it cannot use, if need be all of the URL. It may be a piece of a password
/// even where it is taken for a host.
pub(crate) fn without_url(error: BoxError) -> BoxError {
    let text = error.to_string();
    match first_suspicious_quote(&text) {
        Some(quote) => blanked_from(&text, quote).into(),
        None => error,
    }
}

/// Where the first quotation begins in a line that is none of the harmless ones.
fn first_suspicious_quote(text: &str) -> Option<usize> {
    let mut start = 0;
    text.split_inclusive('\n').find_map(|line| {
        let line_start = start;
        start += line.len();
        let quote = line.find('"').filter(|_| !is_harmless(line))?;
        Some(line_start + quote)
    })
}

fn is_harmless(line: &str) -> bool {
    // A pool says first that it has waited.
    let waited = line.strip_prefix("timed out waiting for connection: ");
    let complaint = waited.unwrap_or(line);
    HARMLESS.iter().any(|start| complaint.starts_with(start))
}

/// Up to the last quote, for what is quoted may have quotes in it.
fn blanked_from(text: &str, quote: usize) -> String {
    let (before, quoted) = text.split_at(quote);
    let after = match quoted.rfind('"') {
        Some(last) if last > 0 => quoted.get(last + 1..).unwrap_or_default(),
        _ => "",
    };
    format!("{before}\"***\"{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_password_is_removed() {
        for (url, message, expected) in [
            (
                "postgres://u:p/w@h/d",
                "invalid integer value \"p\" for \"port\"",
                "invalid integer value \"***\" for \"***ort\"",
            ),
            ("postgres://user:w0rd@x@h/d", "no host \"x@h\"", "no host \"***@h\""),
            (
                "post://user:w0rd@h/d",
                "missing \"=\" after \"post://user:w0rd@h/d\"",
                "missing \"=\" after \"post://user:***@h/d\"",
            ),
            (
                "host=h password='my w0rd'",
                "missing \"=\" after \"w0rd\"",
                "missing \"=\" after \"***\"",
            ),
            ("postgres://user@h/d", "user at h", "user at h"),
        ] {
            assert_eq!(Secrets::of(url).removed_from(message), expected);
        }
    }

    #[test]
    fn a_complaint_about_a_url_that_is_not_known_names_no_piece_of_it() {
        let said = |text: &str| without_url(text.into()).to_string();
        for (complaint, expected) in [
            (
                "timed out: invalid integer value \"w0rd\" for connection option \"port\"",
                "timed out: invalid integer value \"***\"",
            ),
            (
                "timed out: could not translate host name \"w0rd@h\" to address",
                "timed out: could not translate host name \"***\" to address",
            ),
            (
                "timed out: missing \"=\" after \"w0rd\" in connection info string",
                "timed out: missing \"***\" in connection info string",
            ),
            ("invalid percent-encoded token: \"%w0rd\"", "invalid percent-encoded token: \"***\""),
            (
                "end of string reached when looking for matching \"]\" in IPv6 host address in URI: \"a://w0rd\"\n",
                "end of string reached when looking for matching \"***\"\n",
            ),
            (
                "could not parse network address \"w0rd\": no name",
                "could not parse network address \"***\": no name",
            ),
            ("nobody has ever said \"w0rd", "nobody has ever said \"***\""),
            (
                "connection to server at \"h\" failed\nwhat is \"w0\nr\"d\"?",
                "connection to server at \"h\" failed\nwhat is \"***\"?",
            ),
            ("timed out waiting for connection", "timed out waiting for connection"),
            (
                "timed out waiting for connection: connection to server at \"h\", port 1 failed: FATAL: role \"u\"",
                "timed out waiting for connection: connection to server at \"h\", port 1 failed: FATAL: role \"u\"",
            ),
        ] {
            assert_eq!(said(complaint), expected);
        }
    }
}
