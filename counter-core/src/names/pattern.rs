use std::fmt;
use std::str::FromStr;

use crate::id::CounterId;
use crate::invalid::{InputKind, Invalid};

/// A glob over the text form of counter ids, as Redis understands it: `*`, `?`, `[a-z]`, `[^a]`,
/// `\*`.
///
/// Redis compares bytes: `?` and `[...]` stand for one byte each, so `??` matches `é`.
///
/// A pattern is about totals: the bucket of a period matches if its total does.
///
/// ```
/// # use counter_core::Pattern;
/// let users: Pattern = "user:*".parse()?;
/// assert!(users.matches("user:123:downloads"));
/// assert!(!users.matches("post:1:views"));
/// # Ok::<(), counter_core::Invalid>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// The pattern that every counter matches.
    pub fn all() -> Self {
        Self("*".to_owned())
    }

    /// Whether this is [`Pattern::all`].
    pub fn is_all(&self) -> bool {
        self.0 == "*"
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a text matches, such as that of an id.
    pub fn matches(&self, text: &str) -> bool {
        matches(self.0.as_bytes(), text.as_bytes())
    }

    /// Whether a counter matches, or the total of a bucket.
    ///
    /// ```
    /// # use counter_core::{CounterId, Invalid, Pattern, Period};
    /// let views: Pattern = "*:views".parse()?;
    /// let id = CounterId::new("post", 42, "views")?;
    /// assert!(views.matches_counter(&id));
    /// assert!(views.matches_counter(&id.within(Period::year(2026)?)?));
    /// # Ok::<(), Invalid>(())
    /// ```
    pub fn matches_counter(&self, id: &CounterId) -> bool {
        self.is_all() || self.matches(id.total_str())
    }

    /// `text` with every character escaped that means something in a pattern.
    pub fn escape(text: &str) -> String {
        let mut escaped = String::with_capacity(text.len());
        for c in text.chars() {
            if matches!(c, '*' | '?' | '[' | ']' | '\\') {
                escaped.push('\\');
            }
            escaped.push(c);
        }
        escaped
    }
}

impl Default for Pattern {
    fn default() -> Self {
        Self::all()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Refuses an empty pattern, one that ends inside `[` or after `\`, since a store appends to it,
/// one with anything but ASCII inside `[...]`, since a server orders other bytes as its processor
/// orders `char`, and one with `\` before a letter or digit, since `App\Models` would match
/// `AppModels` and never the name that it looks like.
impl FromStr for Pattern {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::Empty { kind: InputKind::Pattern });
        }
        if escapes_what_has_no_meaning(text) {
            let reason = "a backslash before a letter or digit has no meaning: write \\\\ for a \
                          backslash";
            return Err(Invalid::malformed(InputKind::Pattern, text, reason));
        }
        let mut rest = text.as_bytes();
        while let Some((part, after)) = GlobPart::read(rest, Unfinished::Refused) {
            if matches!(part, GlobPart::Class { members, .. } if !members.is_ascii()) {
                let reason = "inside [...] only ASCII has a meaning that all servers share";
                return Err(Invalid::malformed(InputKind::Pattern, text, reason));
            }
            rest = after;
        }
        if rest.is_empty() {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::malformed(InputKind::Pattern, text, "it ends inside [ or after \\"))
        }
    }
}

fn escapes_what_has_no_meaning(pattern: &str) -> bool {
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        if character == '\\' && characters.next().is_some_and(char::is_alphanumeric) {
            return true;
        }
    }
    false
}

/// One element of a pattern.
enum GlobPart<'a> {
    Any,
    One,
    Byte(u8),
    Class { members: &'a [u8], negated: bool },
}

/// The treatment of a pattern that ends inside `[` or after `\`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unfinished {
    Refused,
    /// It is read as a server reads it.
    Completed,
}

impl<'a> GlobPart<'a> {
    /// The first part and what follows it; `None` at the end, and at an unfinished one that is
    /// refused.
    fn read(pattern: &'a [u8], unfinished: Unfinished) -> Option<(Self, &'a [u8])> {
        match pattern {
            [] => None,
            [b'*', rest @ ..] => Some((Self::Any, rest)),
            [b'?', rest @ ..] => Some((Self::One, rest)),
            [b'[', rest @ ..] => Self::read_class(rest, unfinished),
            [b'\\'] if unfinished == Unfinished::Refused => None,
            [b'\\', byte, rest @ ..] | [byte, rest @ ..] => Some((Self::Byte(*byte), rest)),
        }
    }

    fn read_class(after_bracket: &'a [u8], unfinished: Unfinished) -> Option<(Self, &'a [u8])> {
        let (negated, body) = match after_bracket {
            [b'^', body @ ..] => (true, body),
            body => (false, body),
        };
        let mut rest = body;
        loop {
            rest = match rest {
                [] if unfinished == Unfinished::Refused => return None,
                [] | [b']', ..] => break,
                [b'\\', _, rest @ ..] | [_, b'-', _, rest @ ..] | [_, rest @ ..] => rest,
            };
        }
        let (members, rest) = body.split_at(body.len() - rest.len());
        Some((Self::Class { members, negated }, rest.strip_prefix(b"]").unwrap_or(rest)))
    }

    fn accepts(&self, byte: u8) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Byte(wanted) => *wanted == byte,
            Self::Class { members, negated } => class_contains(members, byte) != *negated,
        }
    }
}

fn class_contains(mut members: &[u8], byte: u8) -> bool {
    loop {
        let (found, rest) = match members {
            [] => return false,
            [b'\\', one, rest @ ..] => (*one == byte, rest),
            [low, b'-', high, rest @ ..] => {
                ((*low.min(high)..=*low.max(high)).contains(&byte), rest)
            }
            [one, rest @ ..] => (*one == byte, rest),
        };
        if found {
            return true;
        }
        members = rest;
    }
}

/// Walks both texts once, and on a mismatch lets the last `*` take one byte more.
fn matches(mut pattern: &[u8], mut text: &[u8]) -> bool {
    let mut last_star: Option<(&[u8], &[u8])> = None;
    loop {
        match (GlobPart::read(pattern, Unfinished::Completed), text) {
            (Some((GlobPart::Any, rest)), _) => {
                last_star = Some((rest, text));
                pattern = rest;
            }
            (Some((part, rest)), [byte, tail @ ..]) if part.accepts(*byte) => {
                (pattern, text) = (rest, tail);
            }
            (None, []) => return true,
            _ => match last_star {
                Some((after_star, [_, tail @ ..])) => {
                    last_star = Some((after_star, tail));
                    (pattern, text) = (after_star, tail);
                }
                _ => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_in_redis() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("user:*", "user:1:a", true),
            ("user:*", "users:1:a", false),
            ("*:a", "user:1:a", true),
            ("*a*b*c", "xaxbxbxc", true),
            ("*a*b*c", "xaxbxbx", false),
            ("?", "", false),
            ("u?er", "user", true),
            ("[a-c]x", "bx", true),
            ("[c-a]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[^a-c]x", "dx", true),
            ("[\\]]", "]", true),
            ("[ab]", "b", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("a", "ab", false),
        ] {
            let parsed: Pattern = pattern.parse().unwrap();
            assert_eq!(parsed.matches(text), expected, "{pattern:?} on {text:?}");
        }
    }

    #[test]
    fn an_unfinished_pattern_is_refused() {
        for text in ["", "[", "a[b", "[^", "a\\", "[a\\]"] {
            assert!(text.parse::<Pattern>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_backslash_before_a_letter_is_refused_with_what_to_write() {
        for text in [r"App\Models\Post:*", r"[\d]", r"a\1", r"\é"] {
            let refused = text.parse::<Pattern>().unwrap_err().to_string();
            assert!(refused.contains(r"write \\ for a backslash"), "{refused}");
        }
        assert!(r"App\\Models:*".parse::<Pattern>().unwrap().matches(r"App\Models:1:a"));
    }

    #[test]
    fn a_class_beyond_ascii_is_refused() {
        for text in ["[a-é]", "[é-z]", "[^é]", "user:[--é]*", "[\\é]"] {
            assert!(text.parse::<Pattern>().is_err(), "{text:?}");
        }
        assert!("[a-z]é??".parse::<Pattern>().unwrap().matches("béü"));
    }

    #[test]
    fn an_escaped_text_matches_itself_only() {
        let text = "a*b?[c]\\d";
        let pattern: Pattern = Pattern::escape(text).parse().unwrap();
        assert!(pattern.matches(text));
        assert!(!pattern.matches("aXbY[c]\\d"));
    }

    #[test]
    fn many_stars_do_not_take_exponential_time() {
        let pattern: Pattern = "*a".repeat(64).parse().unwrap();
        assert!(!pattern.matches(&"a".repeat(63)));
        assert!(!pattern.matches(&format!("{}b", "a".repeat(5_000))));
    }
}
