use std::borrow::Cow;
use std::fmt;

use super::owner_id::OwnerId;
use super::text::{check_text, flaw_of};
use super::to_owner_id::ToOwnerId;
use crate::invalid::{InputKind, Invalid};
use crate::printable::Printable;

/// The model instance that counters belong to: its type and its id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    owner_type: OwnerType,
    id: OwnerId,
}

impl Owner {
    /// The owner of the given type and id.
    ///
    /// ```
    /// # use counter_core::Owner;
    /// let owner = Owner::new("post", 42)?;
    /// assert_eq!(owner.to_string(), "post:42");
    /// # Ok::<(), counter_core::Invalid>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Invalid`] if the type is empty, longer than [`OwnerType::MAX_CHARS`] or contains NUL, or
    /// if the id has no [`OwnerId`].
    pub fn new(
        owner_type: impl Into<Cow<'static, str>>,
        id: impl ToOwnerId,
    ) -> Result<Self, Invalid> {
        Ok(Self { owner_type: OwnerType::new(owner_type)?, id: id.to_owner_id()? })
    }

    /// The owner made of parts that are valid already.
    pub const fn of(owner_type: OwnerType, id: OwnerId) -> Self {
        Self { owner_type, id }
    }

    /// The owner of counters that belong to no model: type `global`, id 0.
    pub const fn global() -> Self {
        Self { owner_type: OwnerType::GLOBAL, id: OwnerId::ZERO }
    }

    /// The kind of model.
    pub const fn owner_type(&self) -> &OwnerType {
        &self.owner_type
    }

    /// Which instance of it.
    pub const fn id(&self) -> &OwnerId {
        &self.id
    }
}

/// `type:id` for people, as [`Printable`]. It is not for parsing.
impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.id.to_string();
        write!(f, "{}:{}", Printable(self.owner_type.as_str()), Printable(&id))
    }
}

/// The kind of model that owns counters, such as `user`: 1 to 255 characters, no NUL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerType(Cow<'static, str>);

impl OwnerType {
    /// The greatest length, in Unicode scalar values.
    pub const MAX_CHARS: usize = 255;

    /// The type of the owner of counters that belong to no model. A model may not take it.
    pub const GLOBAL: Self = Self(Cow::Borrowed("global"));

    /// An owner type that is known only at run time.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if the text is empty, longer than [`OwnerType::MAX_CHARS`] or contains NUL.
    pub fn new(text: impl Into<Cow<'static, str>>) -> Result<Self, Invalid> {
        let text = text.into();
        Self::check(&text)?;
        Ok(Self(text))
    }

    /// An owner type that is checked when the program is compiled.
    ///
    /// # Panics
    ///
    /// If the text is not valid, which in a `const` is a compile error.
    #[allow(clippy::panic, reason = "meant for constants, where it is a compile error")]
    pub const fn from_static(text: &'static str) -> Self {
        if flaw_of(text, Self::MAX_CHARS).is_some() {
            panic!("an owner type has 1 to 255 characters and no NUL");
        }
        Self(Cow::Borrowed(text))
    }

    /// The type as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn check(text: &str) -> Result<(), Invalid> {
        check_text(InputKind::OwnerType, text, Self::MAX_CHARS)
    }
}

impl fmt::Display for OwnerType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for OwnerType {
    fn as_ref(&self) -> &str {
        &self.0
    }
}
