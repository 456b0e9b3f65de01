use std::borrow::Cow;
use std::path::Path;
#[cfg(feature = "sqlite")]
use std::path::PathBuf;

#[cfg(feature = "sqlite")]
use counter_diesel::Error;
#[cfg(feature = "sqlite")]
use diesel::connection::SimpleConnection as _;
#[cfg(feature = "sqlite")]
use diesel::{Connection as _, SqliteConnection};

use crate::failure::Failure;

/// The file of a SQLite database, as a URI or a path names it.
pub(super) struct SqliteFile<'a> {
    path: Cow<'a, str>,
    /// Each with its value, as the URI has them.
    #[cfg_attr(not(feature = "sqlite"), allow(dead_code))]
    parameters: Vec<&'a str>,
}

impl<'a> SqliteFile<'a> {
    pub(super) fn of(url: &'a str) -> Self {
        let uri = ["sqlite://", "file:"].into_iter().find_map(|scheme| url.strip_prefix(scheme));
        let Some(uri) = uri else {
            return Self { path: Cow::Borrowed(url), parameters: Vec::new() };
        };
        let uri = uri.split('#').next().unwrap_or_default();
        let (path, parameters) = uri.split_once('?').unwrap_or((uri, ""));
        let path = path.strip_prefix("//localhost/").map_or_else(
            || Cow::Borrowed(path.strip_prefix("//").unwrap_or(path)),
            |path| Cow::Owned(format!("/{path}")),
        );
        let parameters = parameters.split('&').filter(|parameter| !parameter.is_empty());
        Self { path: decoded(path), parameters: parameters.collect() }
    }

    /// Refuses a file that is not there, which SQLite would make: a misspelt name would look like
    /// an empty database.
    pub(super) fn must_exist(&self) -> Result<(), Failure> {
        if Path::new(&*self.path).exists() {
            return Ok(());
        }
        // A blank and the path, or nothing if it may be a URL with a password.
        let may_be_secret = self.path.contains('@') || self.path.to_lowercase().contains("pass");
        let path = if may_be_secret { String::new() } else { format!(" {}", self.path) };
        Err(Failure::usage(format!("there is no database file{path}"))
            .hint("check DATABASE_URL, or make the file with: counter migrate"))
    }
}

#[cfg(feature = "sqlite")]
impl SqliteFile<'_> {
    /// Returns the URI of the file for reading it, which changes neither the file nor its journal
    /// mode.
    ///
    /// SQLite cannot read a file in WAL mode where it may not write beside it, unless it takes the
    /// file for one that never changes. That is right where nothing lies beside the file: as long
    /// as an application has it open, its WAL does.
    pub(super) fn uri_to_read(&self) -> Result<String, Failure> {
        let path = std::fs::canonicalize(&*self.path);
        let path = path.and_then(|path| std::fs::File::open(&path).map(|_| path));
        let path = path.map_err(|error| self.unreachable(&error.to_string()))?;
        let uri = self.uri("mode=ro");
        let Err(why) = probe(&uri) else { return Ok(uri) };
        if is_filled(&path, "-wal") {
            return Err(self.unreachable(&format!(
                "the commits in the -wal file beside it cannot be read ({why}): run this as the \
                 user that writes to the database, or on a copy of both files"
            )));
        }
        if is_filled(&path, "-journal") {
            return Err(self.unreachable(&format!(
                "a write was not finished, and a read cannot undo it with the -journal file beside \
                 it ({why}): open the database with what writes to it, such as the \
                 application, or run this on a copy of both files"
            )));
        }
        let never_changed = self.uri("mode=ro&immutable=1");
        match probe(&never_changed) {
            Ok(()) => Ok(never_changed),
            Err(_) => Err(self.unreachable(&why)),
        }
    }

    /// Returns the URI of the file for looking whether it can be written to.
    pub(super) fn uri_to_write(&self) -> String {
        self.uri("mode=rw")
    }

    fn uri(&self, mode: &str) -> String {
        let others = self.parameters.iter().filter(|parameter| !parameter.starts_with("mode="));
        let others = others.map(|parameter| format!("&{parameter}")).collect::<String>();
        // Without the empty authority, a path that begins with two slashes would have one.
        let authority = if self.path.starts_with('/') { "//" } else { "" };
        format!("file:{authority}{}?{mode}{others}", encoded(&self.path))
    }

    fn unreachable(&self, why: &str) -> Failure {
        let source = format!("{}: {why}", self.path).into();
        Error::Unreachable { source }.into()
    }
}

/// Reads the file. That others have it locked is found out again later, and reported there.
#[cfg(feature = "sqlite")]
fn probe(uri: &str) -> Result<(), String> {
    let mut conn = SqliteConnection::establish(uri).map_err(|error| error.to_string())?;
    let read = "PRAGMA busy_timeout = 5000; SELECT 1 FROM sqlite_master LIMIT 1";
    let read = conn.batch_execute(read).map_err(|error| error.to_string());
    read.or_else(|why| if why.contains("is locked") { Ok(()) } else { Err(why) })
}

/// Returns whether a file of this name is beside the other one, and has anything in it.
#[cfg(feature = "sqlite")]
fn is_filled(path: &Path, suffix: &str) -> bool {
    let mut beside = path.as_os_str().to_owned();
    beside.push(suffix);
    PathBuf::from(beside).metadata().is_ok_and(|file| file.len() > 0)
}

/// Replaces what SQLite replaces: `%` and two hexadecimal digits.
fn decoded(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.contains('%') {
        return text;
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = match (*first, after) {
            (b'%', [high, low, after @ ..]) => hexadecimal(*high, *low).map(|byte| (byte, after)),
            _ => None,
        };
        let (byte, after) = escaped.unwrap_or((*first, after));
        bytes.push(byte);
        rest = after;
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn hexadecimal(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(feature = "sqlite")]
fn encoded(path: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    let encode = |byte: u8| {
        if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    path.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_itself_and_a_uri_is_decoded() {
        let path = |url| SqliteFile::of(url).path.into_owned();
        for plain in ["a.db", "/a b?c#d%41.db", "a:memory:b", "//a/b"] {
            assert_eq!(path(plain), plain);
        }
        for (uri, expected) in [
            ("file:a.db", "a.db"),
            ("sqlite://a.db?mode=rwc", "a.db"),
            ("sqlite:///a/b.db", "/a/b.db"),
            ("file:///a%20b%3f.db?mode=ro#c", "/a b?.db"),
            ("file://localhost/a.db", "/a.db"),
            ("file:100%.db%", "100%.db%"),
            ("file:%C3%A4.db#?mode=ro", "ä.db"),
        ] {
            assert_eq!(path(uri), expected, "{uri}");
        }
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn a_uri_to_read_names_the_same_file_and_keeps_other_parameters() {
        let uri = |url| SqliteFile::of(url).uri("mode=ro");
        for (url, expected) in [
            ("a b?.db", "file:a%20b%3F.db?mode=ro"),
            ("//a/#b.db", "file:////a/%23b.db?mode=ro"),
            ("a:memory:b", "file:a%3Amemory%3Ab?mode=ro"),
            ("file:a%25.db?mode=rwc&cache=private", "file:a%25.db?mode=ro&cache=private"),
            ("sqlite:///a.db", "file:///a.db?mode=ro"),
        ] {
            assert_eq!(uri(url), expected, "{url}");
        }
    }
}
