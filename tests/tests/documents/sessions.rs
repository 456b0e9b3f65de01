use std::path::Path;
use std::process::Command;

use counter_tests::command::counter;
use counter_tests::database::{self, Database};
use counter_tests::program;
use counter_tests::servers::RedisServer;
use tempfile::TempDir;

use super::document::document;

#[test]
fn the_session_of_the_command_goes_as_it_is_shown() {
    let shell = Shell::on(database::sqlite());
    assert_eq!(shell.replay(&document("counter-cli/COMMAND.md").code_in("console")[0]), 7);
}

#[test]
fn the_session_of_the_wire_format_goes_as_it_is_shown() {
    let shell = Shell::on(database::sqlite());
    shell.database.ledger("model_counters").run_pending_migrations().unwrap();
    assert_eq!(shell.replay(&document("docs/wire-format.md").code_in("console")[0]), 6);
}

/// A shell that finds the command and redis-cli, with a Redis and a database of its own.
pub struct Shell {
    pub redis: RedisServer,
    pub database: Box<dyn Database>,
    folder: TempDir,
}

impl Shell {
    pub fn on(database: Box<dyn Database>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // On a terminal redis-cli shows the types of what it gets.
        let redis_cli = "#!/bin/sh\nPATH=/usr/bin:/bin:/usr/local/bin:/opt/homebrew/bin exec redis-cli --no-raw -u \"$REDIS_URL\" \"$@\"\n";
        write_program(&folder.path().join("redis-cli"), redis_cli);
        Self { redis: RedisServer::start(), database, folder }
    }

    /// Runs what is shown behind each `$`, compares what it prints, and returns how many there
    /// were.
    pub fn replay(&self, session: &str) -> usize {
        let steps = session.split("$ ").skip(1);
        steps
            .map(|step| {
                let (line, shown) = step.split_once('\n').unwrap();
                assert_eq!(untimed(&self.printed_by(line)), untimed(shown), "{line}");
            })
            .count()
    }

    /// What a line prints.
    pub fn printed_by(&self, line: &str) -> String {
        let program = program::counter();
        let programs = Path::new(program.get_program()).parent().unwrap().display();
        let path = format!("PATH={}:{programs}:$PATH", self.folder.path().display());
        let mut shell = Command::new("/bin/sh");
        shell.env_clear().env("PATH", "/usr/bin:/bin").current_dir("/");
        shell.args(["-c", &format!("{path}; {line}")]);
        let environment = counter(&self.database.url(), &self.redis.url());
        let variables = environment.get_envs().filter_map(|(name, value)| Some((name, value?)));
        let output = shell.envs(variables).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{line}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

fn write_program(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Without the numbers that differ from run to run, and so without the widths that follow from
/// them.
fn untimed(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim_start);
    let untimed = lines.map(|line| match line.split_once("  ") {
        Some((_, name)) if name.contains("second") => name,
        _ => line,
    });
    untimed.map(str::to_owned).collect()
}
