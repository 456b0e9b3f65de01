//! On which core something runs. Where client and server happen to be moves the rate of one connection by a factor
//! of three on a machine of two cores, so each side has its own.

use std::sync::LazyLock;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Who is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// This program: on the first core.
    Client,
    /// What it starts: on the others.
    Servers,
    /// A thread among several of this program that are to run at once: on the core of its number.
    Thread(usize),
    /// On any.
    Anywhere,
}

/// The cores that this program was given.
pub static CORES: LazyLock<Vec<usize>> = LazyLock::new(|| {
    let given = sched_getaffinity(None).unwrap();
    (0..CpuSet::MAX_CPU).filter(|core| given.is_set(*core)).collect()
});

/// From now on this thread, and the threads and processes that it starts, run there. With one core they all share it.
pub fn pin(side: Side) {
    let all = CORES.as_slice();
    let cores = match (side, all) {
        (Side::Client, [first, _, ..]) => &[*first],
        (Side::Servers, [_, others @ ..]) if !others.is_empty() => others,
        (Side::Thread(number), all) => &[all[number % all.len()]],
        _ => all,
    };
    let mut set = CpuSet::new();
    cores.iter().for_each(|core| set.set(*core));
    sched_setaffinity(None, &set).unwrap();
}

/// Does something there, and goes back to the client's core.
pub fn on<T>(side: Side, act: impl FnOnce() -> T) -> T {
    pin(side);
    let done = act();
    pin(Side::Client);
    done
}
