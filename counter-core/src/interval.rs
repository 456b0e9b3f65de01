use std::str::FromStr;
use std::time::Duration;

use crate::invalid::{InputKind, Invalid};

/// A time in text form: a number and its unit, such as `10m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interval(pub(crate) Duration);

/// Accepts a whole number with `ms`, `s`, `m`, `min`, `h` or `d`, and a bare `0`.
impl FromStr for Interval {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let malformed = || {
            Invalid::malformed(InputKind::Interval, text, "expected a number and ms, s, m, h or d")
        };
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
        let number = digits.parse::<u64>().map_err(|_| malformed())?;
        let unit = text.get(digits.len()..).unwrap_or_default().trim_start();
        let millis = match unit {
            "" if number == 0 => 1,
            "ms" => 1,
            "s" => 1000,
            "m" | "min" => 60 * 1000,
            "h" => 60 * 60 * 1000,
            "d" => 24 * 60 * 60 * 1000,
            _ => return Err(malformed()),
        };
        let millis = number.checked_mul(millis).ok_or_else(malformed)?;
        Ok(Self(Duration::from_millis(millis)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_and_its_unit() {
        for (text, seconds) in [
            ("0", 0),
            ("0s", 0),
            ("7s", 7),
            ("10m", 600),
            ("10 min", 600),
            ("2h", 7200),
            ("1d", 86400),
        ] {
            assert_eq!(text.parse(), Ok(Interval(Duration::from_secs(seconds))), "{text}");
        }
        assert_eq!("500ms".parse(), Ok(Interval(Duration::from_millis(500))));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "7",
            "s",
            "-7s",
            "+ 7s",
            "7.5s",
            "7x",
            "7s7",
            "99999999999999999999s",
            "999999999999999999d",
        ] {
            assert!(text.parse::<Interval>().is_err(), "{text:?}");
        }
    }
}
