//! A clock for a Redis server that can be put forward and back while it runs.

use std::fs;
use std::os::unix::fs::FileExt;
use std::process::Command;

use tempfile::TempDir;

use super::redis::RedisServer;

/// What is added to the time of day, for servers that were started with it.
#[derive(Debug)]
pub struct SteppingClock {
    folder: TempDir,
    offset: fs::File,
}

impl SteppingClock {
    /// A clock that is right.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for a clock");
        let source = folder.path().join("clock.c");
        fs::write(&source, include_str!("clock.c")).expect("a file can be written");
        let library = folder.path().join("clock.so");
        let options = ["-shared", "-fPIC", "-O2", "-o"];
        let built = Command::new("cc").args(options).arg(library).arg(source).arg("-ldl").status();
        assert!(built.is_ok_and(|status| status.success()), "cc builds the clock");
        fs::write(folder.path().join("offset"), 0_i64.to_ne_bytes())
            .expect("a file can be written");
        let offset = fs::File::options().write(true).open(folder.path().join("offset"));
        Self { offset: offset.expect("the file was just written"), folder }
    }

    /// From now on the clock is off by so many microseconds.
    pub fn set(&self, micros: i64) {
        self.offset.write_all_at(&micros.to_ne_bytes(), 0).expect("the file is there");
    }

    /// A Redis server on this clock.
    pub fn start_redis(&self, options: &[&str]) -> RedisServer {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let preload = format!("LD_PRELOAD={}", path("clock.so"));
        let offset = format!("COUNTER_TEST_CLOCK={}", path("offset"));
        RedisServer::start_program(&["env", &preload, &offset, "redis-server"], options)
    }
}

impl Default for SteppingClock {
    fn default() -> Self {
        Self::new()
    }
}
