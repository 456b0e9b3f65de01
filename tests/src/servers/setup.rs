//! What a server needs before it is started: its program, a folder, and a user that is not root.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::folder;

/// More than all servers of a test run write together, in bytes.
const ROOM: u64 = 4 << 30;

/// What a server does to keep what it has committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It waits until its data is on the disk: for measurements.
    OnDisk,
    /// It keeps all of it in a crash, with its data in memory if there is room: for tests that
    /// crash it.
    On,
    /// It may lose some of it in a crash, and is faster. Its data is in memory if there is room.
    Off,
}

/// Returns the path of a program in the folder that `COUNTER_TEST_SERVERS` names. The servers in it
/// run instead of the installed ones.
pub fn preferred_program(name: &str) -> Option<PathBuf> {
    let program = PathBuf::from(std::env::var_os("COUNTER_TEST_SERVERS")?).join(name);
    program.is_file().then_some(program)
}

/// The path of a program: that which is preferred, or one from the folders given or from `PATH`.
///
/// # Panics
///
/// If it is nowhere, with the command that installs it.
pub fn find_program(name: &str, folders: &[PathBuf], package: &str) -> PathBuf {
    if let Some(program) = preferred_program(name) {
        return program;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = folders.iter().cloned().chain(std::env::split_paths(&path));
    let mut candidates = folders.map(|folder| folder.join(name));
    candidates.find(|file| file.is_file()).unwrap_or_else(|| {
        panic!("{name} is not installed: run tests/install, or apt-get install {package}")
    })
}

/// A command for a server, which refuses to be run by root: root runs it as `nobody`.
pub fn unprivileged(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder);
    if let Some((uid, gid)) = nobody() {
        command.uid(uid).gid(gid);
    }
    command
}

/// Returns a folder for a server that keeps what it has committed in this way. It is removed when
/// it is dropped.
pub fn folder(prefix: &str, durability: Durability) -> TempDir {
    let folder = match durability {
        Durability::OnDisk => folder::on_disk(prefix),
        Durability::On | Durability::Off => folder::in_memory(prefix, ROOM),
    };
    if let Some((uid, gid)) = nobody() {
        chown(folder.path(), Some(uid), Some(gid)).unwrap();
    }
    folder
}

/// The user and group ids of `nobody`, if this is root.
fn nobody() -> Option<(u32, u32)> {
    let id = |args: &[&str]| {
        let output = Command::new("id").args(args).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.trim().parse::<u32>().unwrap()
    };
    (id(&["-u"]) == 0).then(|| (id(&["-u", "nobody"]), id(&["-g", "nobody"])))
}

/// Runs a command to its end.
///
/// # Panics
///
/// If it fails, with its output.
pub fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}
