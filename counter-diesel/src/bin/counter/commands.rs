//! The subcommands, one file each.

mod all;
mod change;
mod claims;
mod get;
mod migrate;
mod pending;
mod reset;
mod set;
mod sync;
mod values;

pub(crate) use self::all::All;
pub(crate) use self::change::Change;
pub(crate) use self::get::Get;
pub(crate) use self::migrate::Migrate;
pub(crate) use self::pending::Pending;
pub(crate) use self::reset::Reset;
pub(crate) use self::set::Set;
pub(crate) use self::sync::Sync;
