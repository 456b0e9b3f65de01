use counter_core::{CounterKey, Invalid};

/// The key of a counter of the model `M`: any text, or a variant of the enum that
/// `#[derive(HasCounters)]` makes for that model.
///
/// `M` is [`Owner`](crate::Owner) where the owner is not known by its type; then only texts are
/// keys.
///
/// ```
/// # use counter_diesel::{Counters, Error, HasCounters};
/// # use counter_diesel::query::KeyOf;
/// #[derive(HasCounters)]
/// #[counters(keys(views))]
/// struct Post {
///     id: i64,
/// }
///
/// fn count(counters: &Counters, post: &Post, key: impl KeyOf<Post>) -> Result<(), Error> {
///     counters.increment(post, key, 1)
/// }
///
/// # fn calls(counters: &Counters, post: &Post) -> Result<(), Error> {
/// count(counters, post, PostCounter::Views)?;
/// count(counters, post, "shares")?;
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a counter key of `{M}`",
    label = "not a key of `{M}`",
    note = "a key is a text, or a variant of the enum that `#[derive(HasCounters)]` makes for this \
         very model"
)]
pub trait KeyOf<M: ?Sized> {
    /// The key.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if a text is empty, too long or contains NUL.
    fn counter_key(&self) -> Result<CounterKey, Invalid>;
}

impl<M: ?Sized> KeyOf<M> for &str {
    fn counter_key(&self) -> Result<CounterKey, Invalid> {
        self.parse()
    }
}

impl<M: ?Sized> KeyOf<M> for String {
    fn counter_key(&self) -> Result<CounterKey, Invalid> {
        self.parse()
    }
}

impl<M: ?Sized> KeyOf<M> for CounterKey {
    fn counter_key(&self) -> Result<CounterKey, Invalid> {
        Ok(self.clone())
    }
}

impl<M: ?Sized, K: KeyOf<M>> KeyOf<M> for &K {
    fn counter_key(&self) -> Result<CounterKey, Invalid> {
        K::counter_key(self)
    }
}
