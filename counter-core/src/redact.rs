//! Passwords redacted in texts that people read: one place that knows where they may stand.
//!
//! ```
//! use counter_core::redact;
//!
//! let shown = redact::passwords("no server at redis://:s3cret@h/");
//! assert_eq!(shown, "no server at redis://:***@h/");
//! ```

use crate::error::BoxError;

/// Redacts what may be a password in a URL or among keywords.
///
/// A password may have characters in it that should have been escaped, quotes and blanks too. So
/// everything before the last `@` may belong to it.
pub fn passwords(text: &str) -> String {
    let text = match text.split_once("://") {
        Some((before, rest)) => format!("{before}://{}", without_user_info(rest)),
        None => text.to_owned(),
    };
    text.split_inclusive('\n').map(without_parameter).collect()
}

/// Redacts what may be a password in a text that was not understood, which may be a part of a URL
/// only: `:password@host`.
pub fn pieces(text: &str) -> String {
    let text = passwords(text);
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

/// Redacts what an error quotes, for an error about a URL that the caller does not know.
///
/// PostgreSQL's library quotes what it cannot use, if need be all of the URL. What it takes for a
/// host may be a part of a password.
pub fn quotations(error: BoxError) -> BoxError {
    let text = error.to_string();
    match first_suspicious_quote(&text) {
        Some(quote) => blanked_from(&text, quote).into(),
        None => error,
    }
}

/// Drops the arguments that an error repeats, for an error of a Redis server whose password the
/// caller does not know. A server that does not have the command that logs in repeats its
/// arguments.
pub fn arguments(error: BoxError) -> BoxError {
    let text = error.to_string();
    match text.split_once(", with args beginning with") {
        Some((before, _)) => before.to_owned().into(),
        None => error,
    }
}

/// Secrets of a known URL or password, which must not be shown.
#[derive(Clone)]
pub struct Secrets(Vec<String>);

impl Secrets {
    /// Returns the parts of a URL that may be parts of a password.
    ///
    /// A driver names what it cannot use. Where a password has an `@` or a `/` in it that should
    /// have been escaped, what it takes for a host or a port is a part of the password.
    pub fn of_url(url: &str) -> Self {
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

    /// Returns a password as a whole. An empty one hides nothing.
    pub fn of_password(password: Option<&str>) -> Self {
        let password = password.filter(|password| !password.is_empty());
        Self(password.into_iter().map(str::to_owned).collect())
    }

    /// Redacts these secrets wherever they stand in a text.
    pub fn redact(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, piece| text.replace(piece, "***"))
    }
}

/// Shows no secret.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

/// Redacts the password of what follows `://`.
fn without_user_info(rest: &str) -> String {
    let Some((user_info, host)) = rest.rsplit_once('@') else {
        return rest.to_owned();
    };
    match user_info.split_once(':') {
        Some((user, _)) => format!("{user}:***@{host}"),
        None => rest.to_owned(),
    }
}

/// Redacts everything after `password=`, wherever it stands in a line: a password may have blanks
/// in it.
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

/// Messages about a server that was found, or from it, begin like this. What they quote is worth
/// reading.
const HARMLESS: [&str; 2] = ["connection to server ", "FATAL:"];

/// Returns where the first quotation begins in a line that is not one of the harmless ones.
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

/// Redacts up to the last quote, because what is quoted may have quotes in it.
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

    /// The secrets that are known where a text is redacted.
    #[derive(Debug)]
    enum Known {
        /// Nothing.
        Nothing,
        /// The text was not understood.
        NotUnderstood,
        /// That it is an error of a driver, about a URL that is not known.
        DatabaseError,
        /// That it is an error of a Redis server, whose password is not known.
        RedisError,
        /// That it is about this URL.
        Url(&'static str),
        /// That it is about a server with this password.
        Password(&'static str),
    }

    use Known::{DatabaseError, NotUnderstood, Nothing, Password, RedisError, Url};

    fn redacted(known: &Known, text: &str) -> String {
        match known {
            Nothing => passwords(text),
            NotUnderstood => pieces(text),
            DatabaseError => quotations(text.into()).to_string(),
            RedisError => arguments(text.into()).to_string(),
            Url(url) => Secrets::of_url(url).redact(text),
            Password(password) => Secrets::of_password(Some(password)).redact(text),
        }
    }

    const CASES: &[(Known, &str, &str)] = &[
        (Nothing, "no URL", "no URL"),
        (Nothing, "unexpected 'redis://:pw@h/' found", "unexpected 'redis://:***@h/' found"),
        (Nothing, "a postgres://u:p/w@x@h/d?a=b and c://d", "a postgres://u:***@h/d?a=b and c://d"),
        (Nothing, "redis+unix:///s?db=1&pass=pw", "redis+unix:///s?db=1&pass=***"),
        (Nothing, "postgres:///d?host=/h&password=pw'", "postgres:///d?host=/h&password=***"),
        (Nothing, "'redis://:p'w \"<x>`@h/'\n\nUsage", "'redis://:***@h/'\n\nUsage"),
        (Nothing, "host=h PASSWORD = 'p w' user=u\nUsage", "host=h PASSWORD =***\nUsage"),
        (Nothing, "redis://h/?sslPassWord=pw", "redis://h/?sslPassWord=***"),
        (Nothing, "counter: user:1:a@b = 5", "counter: user:1:a@b = 5"),
        (Nothing, "mysql://root@h/d", "mysql://root@h/d"),
        (NotUnderstood, "invalid prefix: \":p:w@x@h\"", "invalid prefix: \":***@h\""),
        (NotUnderstood, "'u:p w@h' is no owner", "'u:***@h' is no owner"),
        (NotUnderstood, "redis://:pw@h", "redis://:***@h"),
        (NotUnderstood, "error: user@h", "error: user@h"),
        (NotUnderstood, "a: b", "a: b"),
        (
            Url("postgres://u:p/w@h/d"),
            "invalid integer value \"p\" for \"port\"",
            "invalid integer value \"***\" for \"***ort\"",
        ),
        (Url("postgres://user:w0rd@x@h/d"), "no host \"x@h\"", "no host \"***@h\""),
        (
            Url("post://user:w0rd@h/d"),
            "missing \"=\" after \"post://user:w0rd@h/d\"",
            "missing \"=\" after \"post://user:***@h/d\"",
        ),
        (
            Url("host=h password='my w0rd'"),
            "missing \"=\" after \"w0rd\"",
            "missing \"=\" after \"***\"",
        ),
        (Url("postgres://user@h/d"), "user at h", "user at h"),
        (
            DatabaseError,
            "timed out: invalid integer value \"w0rd\" for connection option \"port\"",
            "timed out: invalid integer value \"***\"",
        ),
        (
            DatabaseError,
            "timed out: could not translate host name \"w0rd@h\" to address",
            "timed out: could not translate host name \"***\" to address",
        ),
        (
            DatabaseError,
            "timed out: missing \"=\" after \"w0rd\" in connection info string",
            "timed out: missing \"***\" in connection info string",
        ),
        (
            DatabaseError,
            "invalid percent-encoded token: \"%w0rd\"",
            "invalid percent-encoded token: \"***\"",
        ),
        (
            DatabaseError,
            "end of string reached when looking for matching \"]\" in IPv6 host address in URI: \
             \"a://w0rd\"\n",
            "end of string reached when looking for matching \"***\"\n",
        ),
        (
            DatabaseError,
            "could not parse network address \"w0rd\": no name",
            "could not parse network address \"***\": no name",
        ),
        (DatabaseError, "no one has ever said \"w0rd", "no one has ever said \"***\""),
        (
            DatabaseError,
            "connection to server at \"h\" failed\nwhat is \"w0\nr\"d\"?",
            "connection to server at \"h\" failed\nwhat is \"***\"?",
        ),
        (DatabaseError, "timed out waiting for connection", "timed out waiting for connection"),
        (
            DatabaseError,
            "timed out waiting for connection: connection to server at \"h\", port 1 failed: \
             FATAL: role \"u\"",
            "timed out waiting for connection: connection to server at \"h\", port 1 failed: \
             FATAL: role \"u\"",
        ),
        (
            RedisError,
            "ERR unknown command 'AUTH', with args beginning with: 'w0rd'",
            "ERR unknown command 'AUTH'",
        ),
        (RedisError, "WRONGPASS invalid", "WRONGPASS invalid"),
        (Password("w0rd"), "ERR 'w0rd' and w0rd", "ERR '***' and ***"),
        (Password(""), "ERR", "ERR"),
    ];

    #[test]
    fn every_text_is_shown_without_what_may_be_a_password() {
        for (known, text, expected) in CASES {
            assert_eq!(redacted(known, text), *expected, "{known:?}");
        }
        assert_eq!(Secrets::of_password(None).redact("text"), "text");
        assert_eq!(format!("{:?}", Secrets::of_url("redis://:w0rd@h")), "Secrets");
    }
}
