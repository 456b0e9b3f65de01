/// Returns what to write instead of the first character of a URL's user and password that has to be
/// percent-encoded there, if one seems to be in them as it is. Shows nothing else of the URL.
///
/// For a URL that was refused, or whose server let this user not in. A user and a password are
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
