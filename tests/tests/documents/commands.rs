//! Commands that take long, or change the machine, are not run here: what they name must be there.

use std::fs;

use counter_tests::program::{self, Program};

use super::document::{documents, root};

/// The lines of the blocks in these languages, each with the name of its document.
fn lines_in(languages: &[&str]) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for document in documents() {
        for block in document.blocks().iter().filter(|block| languages.contains(&block.language)) {
            let of_block = block.code.replace("\\\n", " ");
            lines.extend(of_block.lines().map(|line| (document.name.clone(), line.to_owned())));
        }
    }
    lines
}

#[test]
fn the_command_has_the_arguments_that_it_is_shown_with() {
    let mut seen = 0;
    for (document, line) in lines_in(&["sh", "crontab", "ini"]) {
        let words = line.split_whitespace().collect::<Vec<_>>();
        let is_it = |word: &&str| {
            word.trim_start_matches("ExecStart=").trim_start_matches("/usr/local/bin/") == "counter"
        };
        let Some(at) = words.iter().position(is_it) else { continue };
        let arguments = words[at + 1..].iter().take_while(|word| !word.starts_with(['>', '#']));
        let mut command = program::counter();
        let ended = Program::start(command.args(arguments).arg("--help")).finish();
        assert!(ended.status.success(), "{document}: {line}: {ended:?}");
        seen += 1;
    }
    assert!(seen >= 3);
}

#[test]
fn what_cargo_is_asked_for_is_there() {
    let mut seen = 0;
    for (document, line) in lines_in(&["sh"]) {
        let words = line.split_whitespace().collect::<Vec<_>>();
        if words.first() != Some(&"cargo") {
            continue;
        }
        for pair in words.windows(2) {
            let is_there = match *pair {
                ["--example", name] => {
                    read("examples/Cargo.toml").contains(&format!("name = \"{name}\""))
                }
                ["-p" | "--package", name] => {
                    read("Cargo.lock").contains(&format!("name = \"{name}\""))
                }
                ["--path", folder] => root().join(folder).join("Cargo.toml").exists(),
                ["--features", names] => names.split(',').all(is_feature),
                ["--test", name] => {
                    let tests = root().join("tests/tests").join(name);
                    tests.exists() || tests.with_extension("rs").exists()
                }
                _ => true,
            };
            assert!(is_there, "{document}: {line}: {pair:?}");
            seen += 1;
        }
    }
    assert!(seen > 10);
}

#[test]
fn every_script_that_is_named_is_there() {
    for (document, line) in lines_in(&["sh"]) {
        let program = line.split_whitespace().next().unwrap_or_default();
        if program.contains('/') {
            assert!(root().join(program).is_file(), "{document}: {line}");
        }
    }
}

#[test]
fn dependencies_are_shown_with_features_that_there_are() {
    let mut seen = 0;
    for (document, line) in lines_in(&["toml"]) {
        let Some(features) =
            line.strip_prefix("counter-diesel = ").and_then(|rest| rest.split('[').nth(1))
        else {
            continue;
        };
        for name in features.split('"').skip(1).step_by(2) {
            assert!(is_feature(name), "{document}: {name}");
            seen += 1;
        }
    }
    assert!(seen > 0);
}

fn is_feature(name: &str) -> bool {
    let manifests = ["counter-diesel/Cargo.toml", "examples/Cargo.toml"];
    manifests.iter().any(|manifest| read(manifest).contains(&format!("\n{name} = [")))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}
