use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::wait;

/// A server process in a folder of its own, which end when this is dropped and when the test's process
/// ends, even if that is killed.
///
/// A shell stands between. It waits at the end of a pipe that only the test holds, and the system closes
/// that in every case. (`PR_SET_PDEATHSIG` would end the server with the *thread* that started it.)
pub(super) struct Process {
    shell: Child,
    /// Until this is closed the server runs.
    pipe: Option<ChildStdin>,
    pid: Pid,
}

const SHELL_SCRIPT: &str = r#"
exec 2>/dev/null
folder=$1
shift
"$@" >>"$folder/output" 2>&1 </dev/null &
pid=$!
echo "$pid"
read -r word
kill -9 "$pid" 2>/dev/null
wait "$pid"
[ "$word" = keep ] || rm -rf "$folder"
"#;

impl Process {
    /// Starts `command`, which is expected to stay in the foreground.
    pub(super) fn start(folder: &Path, command: &[String]) -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", SHELL_SCRIPT, "sh"])
            .arg(folder)
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell starts");
        let mut line = String::new();
        let mut output = BufReader::new(shell.stdout.take().expect("its output is piped"));
        output.read_line(&mut line).expect("the shell tells a process id");
        let pid = line.trim().parse().ok().and_then(Pid::from_raw);
        Self { pipe: shell.stdin.take(), shell, pid: pid.expect("a process id") }
    }

    /// Sends a signal and waits until it has had its effect on whether the process runs.
    pub(super) fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).expect("the server is there to be signalled");
        let stopped = match signal {
            Signal::STOP => true,
            Signal::CONT => false,
            _ => return,
        };
        wait::until("the signal has had its effect", || {
            (self.state() == Some('T')).eq(&stopped).then_some(())
        });
    }

    pub(super) fn is_running(&self) -> bool {
        !matches!(self.state(), None | Some('Z'))
    }

    /// Its state as Linux tells it: `T` stopped, `Z` dead.
    fn state(&self) -> Option<char> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid.as_raw_nonzero())).ok()?;
        stat.rsplit_once(')')?.1.trim_start().chars().next()
    }

    /// Ends the process with SIGKILL and leaves its folder.
    pub(super) fn kill(mut self) {
        if let Some(pipe) = &mut self.pipe {
            pipe.write_all(b"keep\n").expect("the shell listens");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.shell.wait();
    }
}

/// An empty folder that nobody else uses.
pub(super) fn new_folder() -> PathBuf {
    let made = Command::new("mktemp").args(["-d", "-t", "counter-tests.XXXXXX"]).output();
    let made = made.expect("mktemp makes a folder").stdout;
    PathBuf::from(String::from_utf8(made).expect("its name is text").trim())
}

/// Fails the test if a program is missing, and says how to get it.
pub(super) fn require(program: &str, install: &str) {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).status();
    assert!(found.is_ok(), "{program} is missing; get it with: {install}");
}
