use std::borrow::{Borrow, Cow};
use std::fmt;
use std::str::FromStr;

use super::text::{check_text, flaw_of};
use crate::invalid::{InputKind, Invalid};

/// The name of a counter, such as `downloads`: 1 to 100 characters, no NUL, anything else allowed.
///
/// ```
/// # use counter_core::CounterKey;
/// const DOWNLOADS: CounterKey = CounterKey::from_static("downloads"); // checked by the compiler
/// assert_eq!(CounterKey::new("downloads")?, DOWNLOADS);
/// assert!(CounterKey::new("").is_err());
/// # Ok::<(), counter_core::Invalid>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CounterKey(Cow<'static, str>);

impl CounterKey {
    /// The greatest length, in Unicode scalar values.
    pub const MAX_CHARS: usize = 100;

    /// A key that is known only at run time.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if the text is empty, longer than [`CounterKey::MAX_CHARS`] or contains NUL.
    pub fn new(text: impl Into<Cow<'static, str>>) -> Result<Self, Invalid> {
        let text = text.into();
        Self::check(&text)?;
        Ok(Self(text))
    }

    /// A key that is checked when the program is compiled.
    ///
    /// # Panics
    ///
    /// If the text is not valid, which in a `const` is a compile error.
    #[allow(clippy::panic, reason = "meant for constants, where it is a compile error")]
    pub const fn from_static(text: &'static str) -> Self {
        if flaw_of(text, Self::MAX_CHARS).is_some() {
            panic!("a counter key has 1 to 100 characters and no NUL");
        }
        Self(Cow::Borrowed(text))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn check(text: &str) -> Result<(), Invalid> {
        check_text(InputKind::CounterKey, text, Self::MAX_CHARS)
    }
}

impl fmt::Display for CounterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for CounterKey {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::new(text.to_owned())
    }
}

impl AsRef<str> for CounterKey {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for CounterKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}
