//! The examples and the command `counter`, run as programs.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::process::wait_for;

/// A running program, which ends with the test.
#[derive(Debug)]
pub struct Program {
    child: Child,
    input: Option<ChildStdin>,
}

/// What a program left when it had ended.
#[derive(Debug)]
pub struct Ended {
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
    /// Starts it, with its input and output in the test's hands.
    pub fn start(command: &mut Command) -> Self {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("the program starts");
        Self { input: child.stdin.take(), child }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it without a warning.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// What it prints while it runs. What was taken is not in [`Ended`].
    pub fn take_output(&mut self) -> impl std::io::Read + use<> {
        self.child.stdout.take().expect("it is taken once")
    }

    /// What it complains about while it runs. What was taken is not in [`Ended`].
    pub fn take_errors(&mut self) -> impl std::io::Read + use<> {
        self.child.stderr.take().expect("it is taken once")
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = self.id().try_into().ok().and_then(Pid::from_raw).expect("it has an id");
        kill_process(pid, signal).expect("it has not been waited for");
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("it is a child").is_some()
    }

    /// Hands it more input.
    pub fn feed(&mut self, input: &str) {
        let pipe = self.input.as_mut().expect("its input is open");
        pipe.write_all(input.as_bytes()).expect("it takes input");
    }

    /// Closes its input and waits until it has ended by itself.
    pub fn finish(mut self) -> Ended {
        drop(self.input.take());
        let status = wait_for("a program to end", || self.child.try_wait().expect("it is a child"));
        let (mut output, mut errors) = (String::new(), String::new());
        if let Some(mut pipe) = self.child.stdout.take() {
            pipe.read_to_string(&mut output).expect("it prints text");
        }
        if let Some(mut pipe) = self.child.stderr.take() {
            pipe.read_to_string(&mut errors).expect("it prints text");
        }
        Ended { status, output, errors }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}
