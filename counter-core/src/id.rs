//! Who is counted and what, and the text form of it.

mod counter_id;
mod key;
mod owner;
mod owner_id;
mod period;
mod text;
mod to_owner_id;

pub use counter_id::CounterId;
pub use key::CounterKey;
pub use owner::{Owner, OwnerType};
pub use owner_id::{OwnerId, OwnerText};
pub use period::{Grain, Period};
pub(crate) use text::{canonical_i64, check_text};
pub use to_owner_id::ToOwnerId;
