use std::fs::File;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};

use counter_tests::command::shared_pairs;
use counter_tests::fixtures::user;
use counter_tests::world::World;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

fn world() -> World {
    let (_, make) = shared_pairs()[0];
    let world = make();
    let owners = (0..500).map(|id| (user(id), "views", 1));
    world.counters().increment_many(owners).unwrap();
    world
}

/// What a command writes to a terminal that is this wide, and its exit code.
fn on_terminal(command: &mut Command, columns: u16) -> (String, i32) {
    let (mut terminal, mut child) = start_on_terminal(command, columns);
    let written = read(&mut terminal, |_| false);
    (written, child.wait().unwrap().code().unwrap())
}

/// The same of a command that is asked to end when it has written this.
fn on_terminal_until(command: &mut Command, columns: u16, text: &str) -> (String, i32) {
    let (mut terminal, mut child) = start_on_terminal(command, columns);
    let written = read(&mut terminal, |written| written.contains(text));
    let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let written = written + &read(&mut terminal, |_| false);
    (written, child.wait().unwrap().code().unwrap())
}

fn start_on_terminal(command: &mut Command, columns: u16) -> (File, Child) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&terminal, size).unwrap();
    let path = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let end = || File::options().read(true).write(true).open(&path).unwrap();
    let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
    // From now on the other end is open in the child alone, so that reading ends with it.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    (File::from(terminal), child)
}

/// All that is written until there is enough, or no writer is left.
fn read(terminal: &mut File, is_enough: impl Fn(&str) -> bool) -> String {
    let mut written = Vec::new();
    let mut piece = [0; 4096];
    loop {
        // It ends with an error, as terminals do.
        let length = terminal.read(&mut piece).unwrap_or(0);
        written.extend_from_slice(&piece[..length]);
        if length == 0 || is_enough(&String::from_utf8_lossy(&written)) {
            return String::from_utf8(written).unwrap();
        }
    }
}

/// Text as it was between two escape codes, by line.
fn lines_of(written: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut chars = written.chars();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => {
                chars.find(char::is_ascii_alphabetic);
            }
            '\r' | '\n' => lines.push(String::new()),
            c => lines.last_mut().unwrap().push(c),
        }
    }
    lines.retain(|line| !line.trim().is_empty());
    lines
}

#[test]
fn on_a_terminal_a_bar_shows_how_much_of_a_sync_is_done_and_is_gone_in_the_end() {
    let world = world();
    let mut command = world.command();
    command.args(["sync", "--batch-size", "10"]).env("TERM", "xterm");
    let (written, code) = on_terminal(&mut command, 80);
    assert_eq!(code, 0, "{written:?}");
    let lines = lines_of(&written);
    let bars = lines.iter().filter_map(|line| line.split_once('[')?.1.split_once(" %  "));
    let (bars, counts): (Vec<_>, Vec<_>) = bars.unzip();
    let done = bars.iter().map(|bar| bar.matches('#').count()).collect::<Vec<_>>();
    assert!(
        !done.is_empty() && done.is_sorted() && done.iter().all(|done| *done <= 20),
        "{bars:?}"
    );
    assert!(counts.iter().all(|count| count.contains(" of 500, ")), "{counts:?}");
    // Whatever was drawn is erased before the table is printed.
    let erased = written.rfind("\u{1b}[2K").unwrap_or_else(|| panic!("{written:?}"));
    let rest = &written[erased + "\u{1b}[2K".len()..];
    assert!(rest.contains("500  applied") && !rest.contains(['\u{1b}', '[']), "{rest:?}");
}

#[test]
fn a_sync_that_is_watched_shows_what_it_is_at_without_a_total() {
    let world = world();
    let mut command = world.command();
    command.args(["sync", "--watch", "1h", "--batch-size", "10"]).env("TERM", "xterm");
    let (written, code) = on_terminal_until(&mut command, 80, " applied 500 of 500 counters");
    assert_eq!(code, 0, "{written:?}");
    assert!(written.contains(" found, ") && !written.contains('%'), "{written:?}");
    assert_eq!(written.matches("Z applied ").count(), 2, "{written:?}");
}

#[test]
fn a_narrow_terminal_is_not_wrapped_by_the_progress() {
    let world = world();
    let mut command = world.command();
    command.args(["sync", "--batch-size", "10"]).env("TERM", "xterm");
    let (written, code) = on_terminal(&mut command, 20);
    assert_eq!(code, 0, "{written:?}");
    let lines = lines_of(&written);
    let progress = lines.iter().filter(|line| line.contains('[') || line.contains(" found,"));
    assert!(progress.clone().count() > 0, "{lines:?}");
    for line in progress {
        assert!(line.chars().count() <= 20, "{line:?}");
    }
}

#[test]
fn names_and_progress_do_not_run_into_each_other() {
    let world = world();
    let mut command = world.command();
    command.args(["sync", "-v", "--batch-size", "10"]).env("TERM", "xterm");
    let (written, code) = on_terminal(&mut command, 80);
    assert_eq!(code, 0, "{written:?}");
    let lines = lines_of(&written);
    let names = lines.iter().filter(|line| line.contains("user:")).collect::<Vec<_>>();
    assert_eq!(names.len(), 500, "{written:?}");
    assert!(names.iter().all(|name| name.starts_with("          +1  user:")), "{names:?}");
}

#[test]
fn a_terminal_that_can_do_nothing_gets_no_escape_codes() {
    let world = world();
    for arguments in [&["sync", "-v"][..], &["all", "user:1"], &["--help"], &["nothing"]] {
        for term in [Some("dumb"), None] {
            let mut command = world.command();
            command.args(arguments).envs(term.map(|term| ("TERM", term)));
            let (written, _) = on_terminal(&mut command, 80);
            assert!(!written.contains('\u{1b}'), "{written:?}");
        }
    }
}

#[test]
fn no_color_is_obeyed() {
    let world = world();
    for arguments in
        [&["all", "user:1"][..], &["--help"], &["sync", "--help"], &["nothing"], &["sync"]]
    {
        let mut command = world.command();
        command.args(arguments).env("TERM", "xterm-256color").env("NO_COLOR", "1");
        let (written, _) = on_terminal(&mut command, 80);
        // Escape codes that end with an m are for colours.
        let mut codes = written.split('\u{1b}').skip(1);
        let is_colour =
            |code: &str| code.find(char::is_alphabetic).map(|at| &code[at..=at]) == Some("m");
        assert!(!codes.any(is_colour), "{written:?}");
    }
}
