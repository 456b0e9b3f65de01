//! The CPU time of a program, which does not grow while it waits.

use redis::Connection;
use rustix::time::{ClockId, clock_gettime};

/// Returns the seconds that all threads of this program use for `act`.
pub fn of_this_program(act: impl FnOnce()) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    let started = now();
    act();
    now() - started
}

/// Returns the seconds that this server uses for `act`.
pub fn of_redis(redis: &mut Connection, act: impl FnOnce()) -> f64 {
    let started = used_by(redis);
    act();
    used_by(redis) - started
}

fn used_by(redis: &mut Connection) -> f64 {
    let info: String = redis::cmd("INFO").arg("cpu").query(redis).unwrap();
    let seconds = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.parse::<f64>().unwrap()
    };
    seconds("used_cpu_sys:") + seconds("used_cpu_user:")
}
