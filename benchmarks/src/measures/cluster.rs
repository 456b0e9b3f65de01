use std::process::Command;

use counter_tests::servers::{ClusterSite, RedisServer};

use crate::bench::Bench;
use crate::cores::{self, Side};
use crate::plot::{Curve, Plot};
use crate::rounds::Spread;
use crate::table::{Bar, Row, in_thousands};

/// Measures the increments of more and more threads in a cluster of three nodes, beside those in
/// one server and those of the client library's own connection to a cluster, on any core.
///
/// Another program makes them, because the client library must be built for clusters.
pub fn increments(bench: &Bench) -> Vec<Row> {
    cores::on(Side::Anywhere, || {
        let _ = run("build", &[]);
        let one = RedisServer::start();
        let site = ClusterSite::start_masters_in_memory();
        let nodes = site.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port()));
        let nodes = nodes.collect::<Vec<_>>().join(",");
        rows_of(bench, &run("run", &["--", &one.url(), &nodes, bench.of("9", "1")]))
    })
}

/// Runs a command of Cargo for the other program, and returns what that prints.
fn run(command: &str, arguments: &[&str]) -> String {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args([
        command,
        "--release",
        "--quiet",
        "--locked",
    ]);
    cargo.args(["--manifest-path=cluster/Cargo.toml", "--target-dir=../target/cluster"]);
    let output = cargo.args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Makes rows of what the program prints: in each line the number of threads, three rates, and the
/// ratio of the last two.
fn rows_of(bench: &Bench, printed: &str) -> Vec<Row> {
    let (mut rows, mut on_one, mut on_three) = (Vec::new(), Vec::new(), Vec::new());
    for line in printed.lines() {
        let numbers = line.split_whitespace().map(|word| word.parse().unwrap());
        let Ok([threads, one, three, client, median, min, max]) =
            <[f64; 7]>::try_from(numbers.collect::<Vec<_>>())
        else {
            panic!("{line}")
        };
        // One thread has the wake-ups of one connection, which differ by a factor of two.
        let bar = if threads > 1.0 { Bar::AtLeast(0.95) } else { Bar::None };
        let rate = |rate| in_thousands(rate) + "/s";
        let noun = if threads > 1.0 { "threads" } else { "thread" };
        let what = format!("increments of {threads} {noun} in a cluster of three nodes");
        let row = Row::ratio(&what, Spread { median, min, max }, bar);
        rows.push(row.with_sides(rate(three), rate(client)));
        rows.push(Row::fact(format!("{what}, and in one server"), rate(three), rate(one)));
        on_one.push((threads, one));
        on_three.push((threads, three));
    }
    let curves = vec![
        Curve { name: "in one server, a second", points: on_one },
        Curve { name: "in three nodes, a second", points: on_three },
    ];
    bench.draw("growth-nodes", &Plot { title: "Increments", across: "threads", curves });
    rows
}
