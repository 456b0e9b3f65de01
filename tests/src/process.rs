//! Processes of this machine: waiting for them, and signals to them.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// The longest time that anything takes: what takes longer does not happen at all.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Waits until `look` returns something, and returns it.
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

/// Sends a signal to processes. If the signal stops or continues them, waits until it has.
pub fn signal_each(signal: Signal, pids: &[u32]) {
    for pid in pids {
        // One of them may have ended by itself.
        let _ = kill_process(as_pid(*pid), signal);
    }
    let stand_still = signal == Signal::STOP;
    if stand_still || signal == Signal::CONT {
        wait_for("a signal to have its effect", || {
            let has_effect =
                |pid: &u32| has_ended(*pid) || (state(*pid) == Some('T')) == stand_still;
            pids.iter().all(has_effect).then_some(())
        });
    }
}

/// The process and its children.
pub fn family(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children = children.unwrap_or_default();
    let children = children.split_whitespace().map(|pid| pid.parse().unwrap());
    [pid].into_iter().chain(children).collect()
}

/// Whether a process has ended. One that its parent has not waited for yet counts as ended.
pub fn has_ended(pid: u32) -> bool {
    matches!(state(pid), None | Some('Z'))
}

/// The state of a process in the letters of Linux: `T` stopped, `Z` dead.
fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

fn as_pid(pid: u32) -> Pid {
    pid.try_into().ok().and_then(Pid::from_raw).expect("a process has a positive id")
}
