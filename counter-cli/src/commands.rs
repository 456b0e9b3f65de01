//! The subcommands, one file each.

mod adopt;
mod all;
mod change;
mod conflicts;
mod delete;
mod doctor;
mod get;
mod merge;
mod migrate;
mod migration_folder;
mod orphans;
mod pending;
mod prune;
mod rename_type;
mod reset;
mod set;
mod sync;
mod top;
mod values;

pub(crate) use self::adopt::Adopt;
pub(crate) use self::all::All;
pub(crate) use self::change::ChangeCommand;
pub(crate) use self::conflicts::Conflicts;
pub(crate) use self::delete::Delete;
pub(crate) use self::doctor::Doctor;
pub(crate) use self::get::Get;
pub(crate) use self::merge::Merge;
pub(crate) use self::migrate::Migrate;
pub(crate) use self::orphans::OrphansCommand;
pub(crate) use self::pending::Pending;
pub(crate) use self::prune::Prune;
pub(crate) use self::rename_type::RenameType;
pub(crate) use self::reset::Reset;
pub(crate) use self::set::Set;
pub(crate) use self::sync::Sync;
pub(crate) use self::top::Top;
