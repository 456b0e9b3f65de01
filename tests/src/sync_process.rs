//! Processes that sync: real ones, which can be killed and frozen.

use std::io::{BufRead, BufReader, Read as _};
use std::process::Command;
use std::time::Duration;

use crate::program::Program;
use crate::site::Site;

/// A process that syncs all the time. Killed when it is dropped.
pub struct SyncProcess {
    program: Program,
    output: Box<dyn BufRead>,
}

impl SyncProcess {
    /// Starts the program `sync_worker`, which is at this path, at a site. It takes each claim of
    /// this age for one that was left behind.
    pub fn start(program: &str, site: &Site, claim_timeout: Duration) -> Self {
        let mut command = Command::new(program);
        command.arg(site.redis_url()).arg(site.database().url());
        command.arg(claim_timeout.as_millis().to_string());
        let mut program = Program::start(&mut command);
        let output = Box::new(BufReader::new(program.take_output()));
        Self { program, output }
    }

    /// Waits for that.
    ///
    /// # Panics
    ///
    /// If it ends before, with what it complained about.
    pub fn wait_until_it_has_applied_some(&mut self) {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        if line != "it has applied some\n" {
            let mut errors = String::new();
            self.program.take_errors().read_to_string(&mut errors).unwrap();
            panic!("a process that syncs has ended: {errors}");
        }
    }

    /// Ends it without a warning.
    pub fn kill(&mut self) {
        self.program.kill();
    }

    /// Makes it hold still.
    pub fn freeze(&self) {
        self.program.freeze();
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.program.thaw();
    }

    /// Lets it make a last sync and returns how many claims it has applied in all.
    pub fn stop(mut self) -> u64 {
        let ended = self.program.finish();
        assert!(ended.status.success(), "{ended:?}");
        let mut output = String::new();
        self.output.read_to_string(&mut output).unwrap();
        output.trim().parse().unwrap()
    }
}
