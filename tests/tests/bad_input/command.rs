//! What is typed, or stands in a variable.

use std::process::Command;

use counter_core::InputKind;
use counter_tests::command::shared_pairs;
use counter_tests::program::{Program, ProgramEnd};
use counter_tests::world::World;

use super::refused::refused;

/// Every way in which the command takes this kind of input: its arguments, or a variable.
fn commands(world: &World, kind: InputKind, text: &str) -> Vec<Command> {
    let with = |arguments: &[&str]| {
        let mut command = world.command();
        command.args(arguments);
        command
    };
    let flag = |subcommand, flag: &str| with(&[subcommand, &format!("{flag}={text}")]);
    let variable = |name| {
        let mut command = with(&["sync"]);
        command.env(name, text);
        command
    };
    match kind {
        InputKind::OwnerType => {
            let owner = format!("{text}:1");
            vec![with(&["get", &owner, "views"]), with(&["top", text, "views"])]
        }
        InputKind::OwnerId => {
            let owner = format!("user:{text}");
            vec![with(&["get", &owner, "views"]), with(&["increment", &owner, "views", "1"])]
        }
        InputKind::CounterKey => vec![
            with(&["get", "user:1", text]),
            with(&["increment", "user:1", text]),
            with(&["set", "user:1", text, "1"]),
            with(&["top", "user", text]),
        ],
        InputKind::Prefix => vec![flag("sync", "--prefix"), variable("COUNTER_PREFIX")],
        InputKind::Pattern => vec![flag("sync", "--pattern"), flag("pending", "--pattern")],
        InputKind::TableName => {
            vec![flag("migrate", "--table-name"), variable("COUNTER_TABLE_NAME")]
        }
        InputKind::StoreKind => vec![flag("sync", "--store"), variable("COUNTER_STORE")],
        InputKind::BatchSize => {
            vec![flag("sync", "--batch-size"), variable("COUNTER_SYNC_BATCH_SIZE")]
        }
        // Read from stores only, or by an application.
        _ => Vec::new(),
    }
}

/// What is right, so that nothing else is wrong with a command that is refused.
const RIGHT: [(InputKind, &str); 8] = [
    (InputKind::OwnerType, "post"),
    (InputKind::OwnerId, "7"),
    (InputKind::CounterKey, "views"),
    (InputKind::Prefix, "right:"),
    (InputKind::Pattern, "post:*"),
    (InputKind::TableName, "model_counters"),
    (InputKind::StoreKind, "redis"),
    (InputKind::BatchSize, "10"),
];

pub(super) fn every_argument_and_variable_is_refused() {
    let world = shared_pairs()[0].1();
    for (kind, text) in RIGHT {
        for mut command in commands(&world, kind, text) {
            let ended = run(&mut command);
            assert_eq!(ended.status.code(), Some(0), "{command:?}: {ended:?}");
        }
    }
    // No argument and no variable can have a NUL in it.
    for (kind, text) in refused().into_iter().filter(|(_, text)| !text.contains('\0')) {
        // A variable that is empty is one that is not set.
        let is_set =
            |command: &Command| command.get_envs().all(|(_, value)| value != Some("".as_ref()));
        for mut command in commands(&world, kind, &text).into_iter().filter(is_set) {
            let ended = run(&mut command);
            assert_eq!(ended.status.code(), Some(2), "{command:?}: {ended:?}");
            assert_eq!(ended.output, "", "{command:?}");
            assert!(!ended.errors.is_empty(), "{command:?}");
        }
    }
}

fn run(command: &mut Command) -> ProgramEnd {
    Program::start(command).finish()
}
