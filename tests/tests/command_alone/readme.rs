use counter_tests::command::shared_pairs;
use counter_tests::program;
use counter_tests::world::World;

#[test]
fn the_session_of_the_readme_goes_as_it_is_shown() {
    let world = shared_pairs()[0].1();
    world.drop_tables();
    let readme = include_str!("../../../README.md");
    let session = readme.split("```console\n").nth(1).unwrap().split("```").next().unwrap();
    let mut steps = 0;
    for step in session.split("$ ").skip(1) {
        let (line, shown) = step.split_once('\n').unwrap();
        assert_eq!(untimed(&printed_by(&world, line)), untimed(shown), "{line}");
        steps += 1;
    }
    assert_eq!(steps, 7);
}

/// What a line prints in a shell that finds the command.
fn printed_by(world: &World, line: &str) -> String {
    let program = program::counter();
    let folder = std::path::Path::new(program.get_program()).parent().unwrap().display();
    let mut shell = std::process::Command::new("/bin/sh");
    shell.env_clear().current_dir("/").args(["-c", &format!("PATH={folder}; {line}")]);
    let environment = world.command();
    let variables = environment.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let output = shell.envs(variables).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Without the numbers that differ from run to run, and so without the widths that follow from them.
fn untimed(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim_start);
    let untimed = lines.map(|line| match line.split_once("  ") {
        Some((_, name @ ("seconds" | "counters per second"))) => name,
        _ => line,
    });
    untimed.map(str::to_owned).collect()
}
