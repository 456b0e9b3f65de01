/// Returns what to write instead of the first character of a URL's user and password that has to be
/// percent-encoded there, if one seems to be in them as it is. Shows nothing else of the URL.
///
/// For a URL that was refused, or whose server did not let this user in. A user and a password are
/// taken to end at the last `@`.
pub fn encoding_hint(url: &str) -> Option<&'static str> {
    let (_, rest) = url.split_once("://")?;
    let (user_and_password, _) = rest.rsplit_once('@')?;
    let mut found = user_and_password.char_indices().filter_map(|(at, character)| {
        let after = user_and_password.get(at + 1..).unwrap_or_default();
        hint_for(character, after)
    });
    found.next()
}

fn hint_for(character: char, after: &str) -> Option<&'static str> {
    Some(match character {
        '/' => "in the user and password of a URL, write / as %2F",
        '#' => "in the user and password of a URL, write # as %23",
        '?' => "in the user and password of a URL, write ? as %3F",
        '@' => "in the user and password of a URL, write @ as %40",
        '%' if !begins_with_two_digits(after) => {
            "in the user and password of a URL, write % as %25"
        }
        _ => return None,
    })
}

/// Returns the text without its percent-encoding, or `None` if that is wrong or leaves no UTF-8.
#[cfg(feature = "redis")]
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|_| begins_with_two_digits(part))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(part.get(2..)?.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

fn begins_with_two_digits(after: &str) -> bool {
    after.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_ends_the_password_too_early_is_named_with_what_to_write() {
        for (url, expected) in [
            ("redis://:ab/c+d=@127.0.0.1/", "write / as %2F"),
            ("redis://:ab#cd@127.0.0.1/", "write # as %23"),
            ("postgres://app:a?b@db/app", "write ? as %3F"),
            ("postgres://app:a@b@db/app", "write @ as %40"),
            ("mysql://app:100%@db/app", "write % as %25"),
            ("mysql://app:1%0x@db/app", "write % as %25"),
        ] {
            let hint = encoding_hint(url).unwrap();
            assert!(hint.ends_with(expected), "{url}: {hint}");
        }
    }

    #[cfg(feature = "redis")]
    #[test]
    fn percent_encoding_is_decoded_or_refused() {
        for (text, expected) in [
            ("", Some("")),
            ("a+b=c", Some("a+b=c")),
            ("%40%2f%2Fx", Some("@//x")),
            ("%C3%A9", Some("é")),
            ("é%25", Some("é%")),
            ("%", None),
            ("%4", None),
            ("%+1", None),
            ("%zz", None),
            ("%é", None),
            ("%FF", None),
        ] {
            assert_eq!(decode(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn nothing_is_said_of_a_url_that_is_as_it_should_be() {
        for url in [
            "redis://user:a%2Fb%25@localhost:1/3",
            "redis://localhost/",
            "postgres://db/app",
            "app.sqlite",
            "",
        ] {
            assert_eq!(encoding_hint(url), None, "{url}");
        }
    }
}
