//! The command `counter` and what surrounds it: signals, terminals, the environment, servers that
//! are away.

mod away;
mod confirm;
mod environment;
mod late;
mod pipes;
mod signals;
mod sqlite_files;
mod terminal;
mod went_back;
