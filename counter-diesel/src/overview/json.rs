//! The shapes in which overviews, reports and check-ups are serialized: those of the command's
//! JSON, which its COMMAND.md documents.

mod adoption;
mod check_up;
mod claim;
mod conflicts;
mod listed;
mod migrations;
mod pending;
mod report;
