//! Servers that a test starts where `SIGINT` and `SIGQUIT` are ignored, as they are in the
//! background of a script: they end as fast as elsewhere, and leave nothing behind.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use counter_tests::servers::mariadb::MariaDb;
use counter_tests::servers::postgres::Postgres;
use counter_tests::servers::{Durability, RedisServer};

/// Half of the time after which a server that has not ended is killed.
const LONG: Duration = Duration::from_secs(30);

#[test]
fn redis_ends_in_the_background_of_a_script() {
    in_the_background("redis_ends_in_the_background_of_a_script", || {
        let server = RedisServer::start();
        let folder = server.folder().to_owned();
        ends_at_once(|| drop(server));
        assert!(!folder.exists());
    });
}

#[test]
fn mariadb_stops_and_ends_in_the_background_of_a_script() {
    in_the_background("mariadb_stops_and_ends_in_the_background_of_a_script", || {
        let mut server = MariaDb::new(Durability::Off);
        ends_at_once(|| server.stop());
        server.start();
        ends_at_once(|| drop(server));
    });
}

#[test]
fn postgres_stops_and_ends_in_the_background_of_a_script_and_leaves_no_shared_memory() {
    let name = "postgres_stops_and_ends_in_the_background_of_a_script_and_leaves_no_shared_memory";
    in_the_background(name, || {
        let mut server = Postgres::new(Durability::Off);
        ends_at_once(|| server.stop());
        server.start();
        let pid = pid_of(&server);
        assert_eq!(segments_of(pid), 1, "PostgreSQL shows by a segment that it runs");
        ends_at_once(|| drop(server));
        assert_eq!(segments_of(pid), 0);
    });
}

/// Runs `show` where the two signals are ignored: in this process if they are, and otherwise by
/// running the test of this name again from such a shell.
fn in_the_background(test: &str, show: impl FnOnce()) {
    if ignores_signals() {
        return show();
    }
    let script = r#"trap '' INT QUIT; exec "$0" "$@""#;
    let this = std::env::current_exe().unwrap();
    let mut shell = Command::new("sh");
    let output = shell.args(["-c", script]).arg(this).args(["--exact", test]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let output = String::from_utf8(output.stdout).unwrap();
    assert!(output.contains("1 passed"), "{output}");
}

/// Whether this process ignores `SIGINT` (2) and `SIGQUIT` (3), and so do those that it starts.
fn ignores_signals() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    let ignored = u64::from_str_radix(ignored.trim(), 16).unwrap();
    let both = 1 << (2 - 1) | 1 << (3 - 1);
    ignored & both == both
}

fn ends_at_once(end: impl FnOnce()) {
    let start = Instant::now();
    end();
    assert!(start.elapsed() < LONG, "{:?}", start.elapsed());
}

fn pid_of(server: &Postgres) -> u32 {
    let socket = server.socket();
    let file = socket.parent().map(Path::to_owned).unwrap().join("data/postmaster.pid");
    fs::read_to_string(file).unwrap().lines().next().unwrap().parse().unwrap()
}

/// The number of segments of shared memory that this process has made.
fn segments_of(pid: u32) -> usize {
    let segments = fs::read_to_string("/proc/sysvipc/shm").unwrap();
    let creator = |line: &str| line.split_whitespace().nth(4).map(str::to_owned);
    segments.lines().filter(|line| creator(line) == Some(pid.to_string())).count()
}
