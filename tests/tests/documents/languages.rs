//! The blocks in other languages count under the names that this library reads.

use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command;

use counter_core::{
    CounterId, Cursor, DeltaStore as _, Grain, Pattern, Period, Prefix, RedisStore,
};
use counter_tests::fixtures::{counter_of, user};
use counter_tests::servers::RedisServer;

use super::document::document;

/// Stands in for the client library, and sends what it is asked to send to the server that the test
/// has started.
const PYTHON_CLIENT: &str = "
import subprocess, sys
class Redis:
    def send(self, *words):
        command = ['redis-cli', '-u', sys.argv[1], *words]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    def incrby(self, name, amount):
        return int(self.send('INCRBY', name, str(amount)))
    def hset(self, name, field, value):
        self.send('HSET', name, field, value)
    def pipeline(self, transaction):
        return Pipeline()
class Pipeline:
    def __enter__(self):
        self.commands = ['MULTI']
        return self
    def __exit__(self, *_):
        pass
    def incrby(self, name, amount):
        self.commands.append(f'INCRBY \"{name}\" {amount}')
        return self
    def execute(self):
        commands = '\\n'.join([*self.commands, 'EXEC'])
        subprocess.run(['redis-cli', '-u', sys.argv[1]], input=commands.encode(), check=True)
";

const PHP_CLIENT: &str = "<?php
class Redis {
    function connect(string $host) {}
    function incrBy(string $name, int $amount) {
        $command = ['redis-cli', '-u', $GLOBALS['argv'][1], 'INCRBY', $name, (string) $amount];
        $process = proc_open($command, [1 => ['pipe', 'w']], $pipes);
        stream_get_contents($pipes[1]);
        if (proc_close($process) !== 0) { exit(1); }
    }
}
";

const JAVASCRIPT_CLIENT: &str = "
import { execFileSync } from 'node:child_process';
const client = {
    incrBy: async (name, amount) =>
        execFileSync('redis-cli', ['-u', process.argv[2], 'INCRBY', name, String(amount)]),
    close: async () => {},
};
export const createClient = () => ({ connect: async () => client });
";

/// Counts each text of the arguments as owner type and key, of an owner that is a number and of one
/// that is the text.
const PYTHON_MORE: &str = "
import sys
for text in sys.argv[2:]:
    redis.Redis().incrby(counter(text, -7, text), 1)
    redis.Redis().incrby(counter(text, text, text), 1)
";

const PHP_MORE: &str = "
foreach (array_slice($argv, 2) as $text) {
    $redis->incrBy(counter($text, -7, $text), 1);
    $redis->incrBy(counter($text, $text, $text), 1);
}
";

const JAVASCRIPT_MORE: &str = "
for (const text of process.argv.slice(3)) {
    await client.incrBy(counter(text, -7, text), 1);
    await client.incrBy(counter(text, text, text), 1);
}
";

/// Texts in which there is something to encode, or which look like it, or like integers.
const TEXTS: [&str; 17] = [
    "0",
    "42",
    "-42",
    "042",
    "-0",
    "9223372036854775808",
    "%342",
    "٤٢",
    "downloads",
    "a:b",
    "{tag}",
    "100%",
    "%64",
    "é ü",
    "tab\tline\n",
    "\u{7f}\u{85}\u{9f}\u{a0}",
    "🦀",
];

#[test]
fn python_writes_the_names_that_this_library_writes() {
    assert_writes_our_names("python", |folder, example| {
        std::fs::write(folder.join("redis.py"), PYTHON_CLIENT).unwrap();
        std::fs::write(folder.join("example.py"), format!("{example}{PYTHON_MORE}")).unwrap();
        ("python3", "example.py")
    });
}

#[test]
fn php_writes_the_names_that_this_library_writes() {
    assert_writes_our_names("php", |folder, example| {
        let code = format!("{PHP_CLIENT}{example}{PHP_MORE}");
        std::fs::write(folder.join("example.php"), code).unwrap();
        ("php", "example.php")
    });
}

#[test]
fn javascript_writes_the_names_that_this_library_writes() {
    assert_writes_our_names("js", |folder, example| {
        let client = folder.join("node_modules/redis");
        std::fs::create_dir_all(&client).unwrap();
        std::fs::write(client.join("index.mjs"), JAVASCRIPT_CLIENT).unwrap();
        let package = r#"{"exports": "./index.mjs"}"#;
        std::fs::write(client.join("package.json"), package).unwrap();
        std::fs::write(folder.join("example.mjs"), format!("{example}{JAVASCRIPT_MORE}")).unwrap();
        ("node", "example.mjs")
    });
}

/// Runs the first block of a language, with more behind it that counts all texts.
fn assert_writes_our_names(
    language: &str,
    write: impl FnOnce(&Path, &str) -> (&'static str, &'static str),
) {
    let redis = RedisServer::start();
    let folder = tempfile::tempdir().unwrap();
    let example = &document("docs/wire-format.md").code_in(language)[0];
    let (program, file) = write(folder.path(), example);
    let mut command = Command::new(program);
    let output = command.arg(folder.path().join(file)).arg(redis.url()).args(TEXTS).output();
    let output = output.expect("tests/install has the program");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let integers = TEXTS.map(|text| CounterId::new(text, -7, text).unwrap());
    let texts = TEXTS.map(|text| CounterId::new(text, text, text).unwrap());
    let shown = counter_of(&user(123), "downloads: total");
    let mut bare = redis.bare();
    for id in integers.iter().chain(&texts).chain([&shown]) {
        let name = Prefix::default().pending_name(id);
        let held: Option<i64> = redis::cmd("GET").arg(&name).query(&mut bare).unwrap();
        assert_eq!(held, Some(1), "{name}");
    }
    let keys: usize = redis::cmd("DBSIZE").query(&mut bare).unwrap();
    assert_eq!(keys, 2 * TEXTS.len() + 1);
}

#[test]
fn python_names_what_it_counts_where_this_library_looks_for_it() {
    let redis = RedisServer::start();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("redis.py"), PYTHON_CLIENT).unwrap();
    let example = &document("docs/wire-format.md").code_in("python")[2];
    let more = "\nfor owner in range(1, 10):\n    for _ in range(2):\n        \
                increment(redis.Redis(), f\"counter:po%3Ast:{owner}:views\", 1)\n";
    std::fs::write(folder.path().join("example.py"), format!("{example}{more}")).unwrap();
    let mut python = Command::new("python3");
    let output = python.arg(folder.path().join("example.py")).arg(redis.url()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let store = RedisStore::builder(redis.url()).build().unwrap();
    let index = store.pending_index().unwrap();
    let page = index.page(&[], NonZeroUsize::new(1000).unwrap()).unwrap();
    assert!(page.foreign.is_empty() && page.next.is_empty(), "{page:?}");
    let mut named = page.entries.into_iter().map(|entry| entry.id).collect::<Vec<_>>();
    named.sort();
    let posts = (1..10).map(|owner| CounterId::new("po:st", owner, "views").unwrap());
    let mut expected = posts.chain([counter_of(&user(123), "downloads")]).collect::<Vec<_>>();
    expected.sort();
    assert_eq!(named, expected);
}

#[test]
fn python_counts_in_a_bucket_that_this_library_finds() {
    let redis = RedisServer::start();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("redis.py"), PYTHON_CLIENT).unwrap();
    let example = &document("docs/wire-format.md").code_in("python")[1];
    std::fs::write(folder.path().join("example.py"), example).unwrap();
    let mut python = Command::new("python3");
    let before = chrono::Utc::now().naive_utc();
    let output = python.arg(folder.path().join("example.py")).arg(redis.url()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let total = counter_of(&user(123), "downloads");
    let day = |at| total.within(Period::containing(Grain::Day, at)).unwrap();
    // Midnight may have been in between.
    let days = [before, chrono::Utc::now().naive_utc()].map(day);
    let store = RedisStore::builder(redis.url()).build().unwrap();
    let page = store.scan(&Pattern::all(), Cursor::default(), NonZeroUsize::MAX).unwrap();
    assert!(page.foreign.is_empty() && page.next.is_none(), "{page:?}");
    let bucket = page.ids.iter().find(|id| id.period().is_some()).unwrap();
    assert!(days.contains(bucket) && page.ids.contains(&total) && page.ids.len() == 2, "{page:?}");
    let held = store.look(&page.ids).unwrap().held;
    assert!(held.iter().all(|held| held.as_ref().unwrap().pending == 1), "{held:?}");
}
