//! The functions that redact.

use counter_core::redact::{self, Secrets};

use super::assert_silent;
use super::urls::URLS;

#[test]
fn a_text_is_shown_without_the_password_of_a_url() {
    for (_, url) in URLS {
        let text = format!("unexpected '{url}' found");
        assert_silent(url, &redact::pieces(&text));
        if url.contains("://") || url.contains('=') {
            assert_silent(url, &redact::passwords(&text));
        }
    }
}

#[test]
fn a_text_about_a_known_url_is_shown_without_any_part_of_its_password() {
    for (_, url) in URLS {
        if !(url.contains("password") || url.contains("://") && url.contains('@')) {
            // Does not parse as a URL, so no part of it is known.
            continue;
        }
        let text = format!("unexpected '{url}', no host \"{url}\"");
        assert_silent(url, &Secrets::of_url(url).redact(&text));
    }
}
