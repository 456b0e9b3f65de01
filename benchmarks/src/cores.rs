//! Pins each side to cores of its own. On a machine of two cores, the placement of client and
//! server changes the rate of one connection by a factor of three.

use std::sync::LazyLock;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The sides that run on different cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// This program, on the first core.
    Client,
    /// The servers that it starts, on the other cores.
    Servers,
    /// One of several threads of this program that run at once, on the core of its number.
    Thread(usize),
    /// Any core.
    Anywhere,
}

/// The cores that this program may use.
pub static CORES: LazyLock<Vec<usize>> = LazyLock::new(|| {
    let given = sched_getaffinity(None).unwrap();
    (0..CpuSet::MAX_CPU).filter(|core| given.is_set(*core)).collect()
});

/// Pins this thread, and the threads and processes that it starts from now on. With one core, all
/// sides share it.
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

/// Runs `act` on the cores of `side`, then returns to the client's core.
pub fn on<T>(side: Side, act: impl FnOnce() -> T) -> T {
    pin(side);
    let done = act();
    pin(Side::Client);
    done
}
