//! A server's process, which does not outlive the test that started it.

use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A start, a stop or an answer that takes longer than this does not come at all.
const DEADLINE: Duration = Duration::from_secs(60);

/// Waits until something is there, and returns it.
///
/// # Panics
///
/// After a minute, naming what was waited for.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited too long for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// What a server does to keep what it has committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Waits for the disk: for tests that crash it.
    On,
    /// Does not, and is faster.
    Off,
}

/// A running server.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// Ends the server, and removes its folder, if the test's process ends in whatever way.
    watchdog: Child,
}

impl Process {
    /// Starts a server whose output goes to `log` and which lives in `folder`.
    pub fn start(command: &mut Command, folder: &Path, log: &Path) -> Self {
        let output = File::options().append(true).create(true).open(log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            // Not in the group that a Ctrl-C goes to: it is ended in the same way, however the test ends.
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let watchdog = watchdog(child.id(), folder);
        Self { child, watchdog }
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sends a signal to the server and to all of its processes.
    pub fn signal_all(&self, signal: &str) {
        signal_each(signal, &self.pids());
    }

    /// Asks it to end, with this signal, and waits until it has.
    pub fn end(mut self, signal: &str) {
        send(signal, &[self.child.id()]);
        self.wait();
    }

    /// Ends it and all of its processes without a warning, as a crash of the machine would.
    pub fn kill(mut self) {
        let pids = self.pids();
        send("KILL", &pids);
        self.wait();
        wait_for("the server's processes to end", || {
            pids.iter().all(|pid| has_ended(*pid)).then_some(())
        });
    }

    fn pids(&self) -> Vec<u32> {
        let pid = self.child.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let children = children.unwrap_or_default();
        let children = children.split_whitespace().map(|pid| pid.parse().unwrap());
        [pid].into_iter().chain(children).collect()
    }

    fn wait(&mut self) {
        wait_for("a server to end", || self.child.try_wait().unwrap());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
        if !self.is_running() {
            return;
        }
        // It ends at once, but removes what it has in shared memory, which SIGKILL would leave there. Those
        // of its processes that SIGSTOP holds up would not hear of it.
        self.signal_all("CONT");
        self.signal_all("QUIT");
        let asked = Instant::now();
        while self.is_running() && asked.elapsed() < DEADLINE {
            thread::sleep(Duration::from_millis(5));
        }
        self.signal_all("KILL");
        let _ = self.child.wait();
    }
}

/// Its standard input is a pipe from this process, which ends when this process does.
fn watchdog(pid: u32, folder: &Path) -> Child {
    let script = "read _; kill -CONT $1 $(cat /proc/$1/task/$1/children); kill -QUIT $1; \
                  for i in $(seq 100); do [ -e /proc/$1 ] || break; sleep 0.1; done; \
                  kill -KILL $1 $(cat /proc/$1/task/$1/children); sleep 0.2; rm -rf \"$2\"";
    Command::new("sh")
        .args(["-c", script, "watchdog", &pid.to_string()])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap()
}

/// Sends a signal to processes, and waits until they stand still or go on if that is what it makes them do.
pub fn signal_each(signal: &str, pids: &[u32]) {
    send(signal, pids);
    let stand_still = signal == "STOP";
    if stand_still || signal == "CONT" {
        wait_for("a signal to have its effect", || {
            let has_effect =
                |pid: &u32| has_ended(*pid) || (state(*pid) == Some('T')) == stand_still;
            pids.iter().all(has_effect).then_some(())
        });
    }
}

fn send(signal: &str, pids: &[u32]) {
    let pids = pids.iter().map(ToString::to_string);
    // One of them may have ended by itself.
    let _ = Command::new("kill").args(["-s", signal]).args(pids).stderr(Stdio::null()).status();
}

/// A process that nobody has asked about since it ended counts as ended.
fn has_ended(pid: u32) -> bool {
    matches!(state(pid), None | Some('Z'))
}

/// As Linux tells it: `T` stopped, `Z` dead.
fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

/// The path of a program, from the folders given or from `PATH`.
///
/// # Panics
///
/// If it is nowhere, with the command that installs it.
pub fn program(name: &str, folders: &[PathBuf], package: &str) -> PathBuf {
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

/// A folder for a server, removed when it is dropped.
pub fn folder(prefix: &str) -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix(prefix).tempdir().unwrap();
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
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}");
}
