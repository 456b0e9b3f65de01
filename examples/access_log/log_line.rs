use chrono::{DateTime, FixedOffset};

/// What this program needs of a line in Common or Combined Log Format.
#[derive(Debug, PartialEq, Eq)]
pub struct LogLine<'a> {
    /// What stands between the brackets: when the request came.
    time: &'a [u8],
    /// The request's target as written, query included.
    pub target: &'a str,
    pub status: u16,
    /// The size of the response; 0 where the log says `-`.
    pub bytes: i64,
}

impl<'a> LogLine<'a> {
    /// Parses `host ident user [time] "method target protocol" status bytes` and ignores the rest.
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let (head, rest) = split_at_byte(line, b'"')?;
        let head = head.trim_ascii_end().strip_suffix(b"]")?;
        if head.split(|byte| *byte == b' ').count() < 4 {
            return None;
        }
        let time = head.rsplit(|byte| *byte == b'[').next()?;
        let (request, rest) = split_at_closing_quote(rest)?;
        let request = std::str::from_utf8(request).ok()?;
        let (_method, target) = match *request.split(' ').collect::<Vec<_>>() {
            [method, target, protocol] if protocol.starts_with("HTTP/") => (method, target),
            _ => return None,
        };
        let mut fields = rest.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
        let status = number(fields.next()?)?;
        let bytes = match fields.next()? {
            b"-" => 0,
            digits => number(digits)?,
        };
        let is_whole = !target.is_empty() && (100..1000).contains(&status);
        is_whole.then_some(Self { time, target, status, bytes })
    }

    /// When the request came, such as `17/May/2015:10:05:03 +0000`; `None` if it is written in
    /// another way.
    pub fn time(&self) -> Option<DateTime<FixedOffset>> {
        let text = std::str::from_utf8(self.time).ok()?;
        DateTime::parse_from_str(text, "%d/%b/%Y:%H:%M:%S %z").ok()
    }
}

fn split_at_byte(text: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|byte| *byte == wanted)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// A quote inside a request is written `\"`.
fn split_at_closing_quote(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut is_escaped = false;
    let at = text.iter().position(|byte| {
        let closes = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        closes
    })?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

fn number<T: std::str::FromStr>(digits: &[u8]) -> Option<T> {
    let is_plain = digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| is_plain)?.parse().ok()
}
