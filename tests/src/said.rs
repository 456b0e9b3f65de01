//! What errors say.

use std::error::Error;

/// All that an error says, to people and to logs, with its causes.
pub fn everything_said(error: &dyn Error) -> String {
    let mut said = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        said += &format!(" {error} {error:?}");
        cause = error.source();
    }
    said
}
