//! The data of a new server, which is made once and then copied.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::setup;

/// Makes the folder `data` in the folder of a server, with what `command` writes there.
///
/// The command needs about a second, and a test run starts a hundred servers. So the first one of a
/// kind leaves a copy beside the programs of the tests, and the others copy that.
///
/// # Panics
///
/// If the command fails, or the folder cannot be copied.
pub fn make(folder: &Path, command: &mut Command) {
    let (data, template) = (folder.join("data"), template(folder, command));
    if template.is_dir() {
        copy(&template, &data);
        return;
    }
    setup::run(command);
    let parent = template.parent().expect("it is in a folder");
    fs::create_dir_all(parent).expect("a folder is made");
    let unfinished = tempfile::tempdir_in(parent).expect("a folder is made");
    let unfinished = unfinished.path().join("data");
    copy(&data, &unfinished);
    let moved = fs::rename(unfinished, &template);
    assert!(moved.is_ok() || template.is_dir(), "{moved:?}"); // another process may be faster
}

/// Where the copy is that this command would leave. Another release of its program leaves another
/// one, and so does another user.
fn template(folder: &Path, command: &Command) -> PathBuf {
    let program = Path::new(command.get_program());
    let words = format!("{command:?}").replace(&folder.display().to_string(), "");
    let modified = program.metadata().and_then(|metadata| metadata.modified()).ok();
    let mut hasher = DefaultHasher::new();
    (words, modified, rustix::process::getuid().as_raw()).hash(&mut hasher);
    let name = program.file_name().unwrap_or_default().display();
    let test = std::env::current_exe().expect("a test has a path");
    let profile = test.ancestors().nth(2).expect("it lies in target/debug/deps");
    profile.join("server-data").join(format!("{name}-{:x}", hasher.finish()))
}

/// Copies a folder with its owners and rights.
pub fn copy(from: &Path, to: &Path) {
    setup::run(Command::new("cp").arg("-a").arg(from).arg(to));
}
