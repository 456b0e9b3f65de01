//! Who is counted and what, and the text form of it.

mod counter_id;
mod key;
mod owner;
mod owner_id;
mod period;
mod text;

pub use counter_id::CounterId;
pub use key::CounterKey;
pub use owner::{Owner, OwnerType};
pub use owner_id::{OwnerId, OwnerText, ToOwnerId};
pub use period::{Grain, Period};
pub(crate) use text::{canonical_i64, check_text};
