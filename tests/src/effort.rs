//! What the environment says about a run: how much work, and which random choices.

use std::env;
use std::str::FromStr;
use std::time::Duration;

use fastrand::Rng;

/// This much work, times `COUNTER_TEST_LOAD` for those who have time.
pub fn load(work: i64) -> i64 {
    work * number("COUNTER_TEST_LOAD").unwrap_or(1)
}

/// As [`load`], of time.
pub fn load_time(time: Duration) -> Duration {
    time * number("COUNTER_TEST_LOAD").unwrap_or(1)
}

/// As [`choices`], from this seed where the environment names none.
pub fn choices_from(seed: u64, what_for: &str) -> Rng {
    let seed = number("COUNTER_TEST_SEED").unwrap_or(seed);
    println!("{what_for}: COUNTER_TEST_SEED={seed}");
    Rng::with_seed(seed)
}

/// The source of a test's random choices: the seed in `COUNTER_TEST_SEED`, or a new one. It is
/// printed with what it is for, and can be set for another run.
///
/// A seed repeats the choices: who is killed in which order and after how long, after how many
/// bytes a connection breaks and how, which counters are counted and by how much. It does not
/// repeat the scheduler: at which instruction a process is when the signal comes, and which of two
/// threads is first. So a seed that showed a mistake shows it again often, not always.
pub fn choices(what_for: &str) -> Rng {
    let seed = number("COUNTER_TEST_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("{what_for}: COUNTER_TEST_SEED={seed}");
    Rng::with_seed(seed)
}

fn number<T: FromStr>(variable: &str) -> Option<T> {
    let text = env::var(variable).ok()?;
    let number = text.parse().ok();
    Some(number.unwrap_or_else(|| panic!("{variable} is {text}, which is no number for it")))
}
