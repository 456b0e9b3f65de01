//! Programs that tests run: the examples, the command `counter`, and servers.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::process::{DEADLINE, family, has_ended, signal_each, wait_for};

/// A running program, which does not outlive the test that started it.
#[derive(Debug)]
pub struct Program {
    child: Child,
    input: Option<ChildStdin>,
    /// Ends it when it is dropped.
    last_signal: Signal,
    /// Ends a server, and removes its folder, if the test's process ends in whatever way.
    watchdog: Option<Child>,
}

/// What a program left when it had ended.
#[derive(Debug)]
pub struct ProgramEnd {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub output: String,
    /// What it complained about.
    pub errors: String,
}

/// An example, which `cargo test --workspace` builds beside the tests.
///
/// # Panics
///
/// If it was not built, with the command that does it.
pub fn example(name: &str) -> Command {
    built(&format!("examples/{name}"), "-p counter-examples --examples")
}

/// The command `counter`, which `cargo test --workspace` builds for the tests beside it.
///
/// # Panics
///
/// If it was not built, with the command that does it.
pub fn counter() -> Command {
    built("counter", "-p counter-cli --bin counter")
}

fn built(path: &str, packages: &str) -> Command {
    let test = std::env::current_exe().expect("a test has a path");
    let profile = test.ancestors().nth(2).map(PathBuf::from).expect("it lies in target/debug/deps");
    let program = profile.join(path);
    assert!(
        program.is_file(),
        "{} is missing: cargo build {packages} --all-features",
        program.display()
    );
    Command::new(program)
}

impl Program {
    /// Starts a program, with its input and output in the test's hands.
    pub fn start(command: &mut Command) -> Self {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawn(piped);
        Self { input: child.stdin.take(), child, last_signal: Signal::KILL, watchdog: None }
    }

    /// Starts a server whose output goes to `log` and which lives in `folder`.
    ///
    /// `last_signal` ends it when it is dropped: at once, and also where the server was started
    /// with `SIGINT` and `SIGQUIT` ignored, as in the background of a script.
    pub fn start_server(
        command: &mut Command,
        folder: &Path,
        log: &Path,
        last_signal: Signal,
    ) -> Self {
        let output = File::options().append(true).create(true).open(log).unwrap();
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        // Not in the group that a Ctrl-C goes to: it is ended in the same way, however the test
        // ends.
        let child = spawn(command.process_group(0));
        let watchdog = Some(watchdog(child.id(), folder, last_signal));
        Self { child, input: None, last_signal, watchdog }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("it is a child").is_none()
    }

    /// What it prints while it runs. What was taken is not in [`ProgramEnd`].
    pub fn take_output(&mut self) -> impl std::io::Read + use<> {
        self.child.stdout.take().expect("it is taken once")
    }

    /// What it complains about while it runs. What was taken is not in [`ProgramEnd`].
    pub fn take_errors(&mut self) -> impl std::io::Read + use<> {
        self.child.stderr.take().expect("it is taken once")
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        signal_each(signal, &[self.id()]);
    }

    /// Makes it and its children hold still.
    pub fn freeze(&self) {
        signal_each(Signal::STOP, &family(self.id()));
    }

    /// Lets it and its children go on.
    pub fn thaw(&self) {
        signal_each(Signal::CONT, &family(self.id()));
    }

    /// Ends it and its children without a warning, as a crash of the machine would.
    pub fn kill(&mut self) {
        let pids = family(self.id());
        if self.is_running() {
            signal_each(Signal::KILL, &pids);
        }
        self.wait();
        wait_for("a program's children to end", || {
            pids.iter().all(|pid| has_ended(*pid)).then_some(())
        });
    }

    /// Asks it to end, with this signal, and waits until it has.
    pub fn end(mut self, signal: Signal) {
        self.signal(signal);
        self.wait();
    }

    /// Hands it more input.
    pub fn feed(&mut self, input: &str) {
        let pipe = self.input.as_mut().expect("its input is open");
        pipe.write_all(input.as_bytes()).expect("it takes input");
    }

    /// Closes its input and waits until it has ended by itself.
    pub fn finish(mut self) -> ProgramEnd {
        drop(self.input.take());
        let status = self.wait();
        let (mut output, mut errors) = (String::new(), String::new());
        if let Some(mut pipe) = self.child.stdout.take() {
            pipe.read_to_string(&mut output).expect("it prints text");
        }
        if let Some(mut pipe) = self.child.stderr.take() {
            pipe.read_to_string(&mut errors).expect("it prints text");
        }
        ProgramEnd { status, output, errors }
    }

    fn wait(&mut self) -> ExitStatus {
        wait_for("a program to end", || self.child.try_wait().expect("it is a child"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(watchdog) = &mut self.watchdog {
            let _ = watchdog.kill();
            let _ = watchdog.wait();
        }
        if !self.is_running() {
            return;
        }
        // A process that SIGSTOP holds up would not hear of its last signal.
        self.thaw();
        signal_each(self.last_signal, &family(self.id()));
        let asked = Instant::now();
        while self.is_running() && asked.elapsed() < DEADLINE {
            thread::sleep(Duration::from_millis(5));
        }
        signal_each(Signal::KILL, &family(self.id()));
        let _ = self.child.wait();
    }
}

fn spawn(command: &mut Command) -> Child {
    command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Its standard input is a pipe from this process, which ends when this process does.
fn watchdog(pid: u32, folder: &Path, last_signal: Signal) -> Child {
    let script = "read _; kill -CONT $1 $(cat /proc/$1/task/$1/children); kill -$3 $1; \
                  for i in $(seq 100); do [ -e /proc/$1 ] || break; sleep 0.1; done; \
                  kill -KILL $1 $(cat /proc/$1/task/$1/children); sleep 0.2; rm -rf \"$2\"";
    Command::new("sh")
        .args(["-c", script, "watchdog", &pid.to_string()])
        .arg(folder)
        .arg(last_signal.as_raw().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap()
}
