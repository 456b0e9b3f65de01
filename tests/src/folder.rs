//! Folders for what a test keeps in files.

use std::path::Path;

use tempfile::{Builder, TempDir};

/// The folder of Linux whose files are in memory.
const MEMORY: &str = "/dev/shm";

/// Returns a new folder, removed when it is dropped. It is in memory where the system has such a
/// folder with that many bytes free: what tests do to a process is no power cut, and each of
/// thousands of commits would wait for the disk.
pub fn in_memory(prefix: &str, bytes: u64) -> TempDir {
    let parent = if has_room(bytes) { Path::new(MEMORY).into() } else { std::env::temp_dir() };
    Builder::new().prefix(prefix).tempdir_in(parent).expect("a folder is made")
}

/// Returns a new folder with the other temporary files, removed when it is dropped.
pub fn on_disk(prefix: &str) -> TempDir {
    Builder::new().prefix(prefix).tempdir().expect("a folder is made")
}

fn has_room(bytes: u64) -> bool {
    rustix::fs::statvfs(MEMORY).is_ok_and(|memory| memory.f_bavail * memory.f_frsize >= bytes)
}
