use counter_tests::command::shared_pairs;
use counter_tests::fixtures::user;
use counter_tests::program::{Program, ProgramEnd};
use counter_tests::world::World;

fn world() -> World {
    let (_, make) = shared_pairs()[0];
    let world = make();
    let owners = (0..2000).map(|id| (user(id), "views", 1));
    world.counters().increment_many(owners).unwrap();
    world
}

/// Runs a command whose output is not read.
fn unread(world: &World, arguments: &[&str]) -> ProgramEnd {
    let mut program = Program::start(world.command().args(arguments));
    drop(program.take_output());
    program.finish()
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    let world = world();
    for arguments in [
        &["--help"][..],
        &["pending"],
        &["get", "user:1", "views", "views"],
        &["all", "user:1"],
        &["sync", "--dry-run", "-v"],
        &["sync", "-v"],
        &["sync", "--json"],
        &["migrate"],
    ] {
        let ended = unread(&world, arguments);
        assert_eq!((ended.code(), ended.errors.as_str()), (0, ""), "{arguments:?}");
    }
    // And what was to be done was done.
    for id in [0, 1999] {
        let owner = user(id);
        assert_eq!(world.counters().baseline(owner, "views").unwrap(), 1);
    }
}

#[test]
fn nobody_to_complain_to_is_no_panic() {
    let world = world();
    let mut program = Program::start(world.command().args(["get", "user"]));
    drop((program.take_output(), program.take_errors()));
    assert_eq!(program.finish().code(), 2);
    let mut program =
        Program::start(world.command().args(["sync", "--redis-url", "redis://127.0.0.1:1/"]));
    drop((program.take_output(), program.take_errors()));
    assert_eq!(program.finish().code(), 3);
}

#[test]
fn a_full_disk_is_reported() {
    let world = world();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = world.command().args(["get", "user:1", "views"]).stdout(full).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors.starts_with("counter: the output could not be written: No space left"),
        "{errors}"
    );
}
