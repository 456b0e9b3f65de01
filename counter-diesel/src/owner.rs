//! Who may be asked for counters, and by which keys.

pub(crate) mod counter_owner;
pub(crate) mod gauge_of;
pub(crate) mod key_of;
pub(crate) mod owner_of;
pub(crate) mod owner_zone;
