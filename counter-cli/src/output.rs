//! The output of the command: results on standard output, everything else on standard error.
//!
//! Whatever comes from outside goes through `shown` on its way, or through JSON's escapes.

mod batch_progress;
mod claim;
mod json;
mod listed;
mod merged;
mod output;
mod progress;
mod report;
mod shown;
mod streams;
mod table;

pub(crate) use self::batch_progress::BatchProgress;
pub(crate) use self::claim::op_text;
pub(crate) use self::json::VERSION;
pub(crate) use self::listed::listed;
pub(crate) use self::merged::{complain_of_merge, merged_in_json, merged_in_text};
pub(crate) use self::output::Output;
pub(crate) use self::progress::{Progress, is_shown};
pub(crate) use self::report::{Detail, complaints, in_one_line, in_table};
pub(crate) use self::shown::shown;
pub(crate) use self::streams::{complain, complain_in_json, complain_in_lines};
pub(crate) use self::table::table;
