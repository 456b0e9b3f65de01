use std::thread;
use std::time::Duration;

use crate::failure::{Exit, Failure};

/// Stands in on platforms without signals, where ending the process is the only way to stop it.
/// That loses nothing.
pub(crate) struct Signals;

impl Signals {
    pub(crate) fn catch() -> Result<Self, Failure> {
        Ok(Self)
    }

    pub(crate) fn arrived(&self) -> Option<Exit> {
        None
    }

    pub(crate) fn wait(&self, at_most: Duration) -> Option<Exit> {
        thread::sleep(at_most);
        None
    }
}
