/// `text` without what may be a password in a URL. The library keeps them out of its errors; this is for what
/// people put in the wrong place, such as a URL where a subcommand was expected.
pub(crate) fn without_passwords(text: &str) -> String {
    let Some((before, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let is_end = |c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '`' | '<' | '>');
    let (url, after) = rest.split_at(rest.find(is_end).unwrap_or(rest.len()));
    format!("{before}://{}{}", without_password(url), without_passwords(after))
}

/// Of what stands behind `://`. A password may have characters in it that should have been escaped.
fn without_password(url: &str) -> String {
    let (user_info, host) = match url.rsplit_once('@') {
        Some((user_info, host)) => {
            let user = user_info.split(':').next().unwrap_or_default();
            let user_info = if user_info == user { user.to_owned() } else { format!("{user}:***") };
            (user_info + "@", host)
        }
        None => (String::new(), url),
    };
    let mut parts = host.split(['?', '&']);
    let path = parts.next().unwrap_or_default().to_owned();
    let parameters = parts.map(|parameter| match parameter.split_once('=') {
        Some((name, _)) if name.contains("pass") => format!("{name}=***"),
        _ => parameter.to_owned(),
    });
    let query = parameters.collect::<Vec<_>>().join("&");
    if query.is_empty() { user_info + &path } else { format!("{user_info}{path}?{query}") }
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
            ("postgres:///d?host=/h&password=pw'", "postgres:///d?host=/h&password=***'"),
            ("mysql://root@h/d", "mysql://root@h/d"),
        ] {
            assert_eq!(without_passwords(text), expected);
        }
    }
}
