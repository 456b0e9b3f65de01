//! The feature `metrics` brings its dependencies, and builds without it do not have them.

use std::process::Command;

use crate::Case;

pub const CASES: &[Case] = &[("without its feature nothing depends on the crate metrics", || {
    let others = "postgres,mysql,sqlite,redis-tls,r2d2-redis";
    assert!(!dependencies_with(others).contains("metrics"));
    assert!(dependencies_with(&format!("{others},metrics")).contains("\nmetrics v0.24"));
})];

fn dependencies_with(features: &str) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut tree = Command::new(cargo);
    tree.args(["tree", "--offline", "--locked", "--package", "counter-diesel"]);
    tree.args(["--edges", "normal,build", "--prefix", "none", "--features", features]);
    let output = tree.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("diesel v2"), "{text}");
    text
}
