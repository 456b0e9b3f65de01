//! The command, given a URL, or a piece of one, where something else belongs.

use std::fs;

use counter_tests::command::counter;

use super::command::{NOWHERE, codes_of_silent};
use super::for_each;
use super::urls::URLS;

#[test]
fn a_password_among_the_arguments_is_not_repeated() {
    for_each(URLS, |(_, url)| {
        for arguments in
            [&[*url][..], &["sync", url], &["get", url, "views"], &["sync", "--prefix", url]]
        {
            let codes = codes_of_silent(|| {
                let mut command = counter("x", NOWHERE);
                command.args(arguments);
                command
            });
            assert_eq!(codes[..3], [2; 3], "{arguments:?}");
        }
    });
}

#[test]
fn a_piece_of_a_url_that_is_no_prefix_is_not_quoted() {
    for_each(URLS, |(_, url)| {
        let codes = codes_of_silent(|| {
            let mut command = counter("x", NOWHERE);
            command.arg("sync").env("COUNTER_PREFIX", url);
            command
        });
        assert_eq!(codes, [2, 2, 2, 0], "{url}");
    });
}

#[test]
fn a_file_that_cannot_be_understood_is_not_quoted() {
    let lines = URLS.iter().map(|(_, url)| format!("REDIS_URL={url} @host/ x\n"));
    let in_two = "REDIS_URL=redis://:s3cret @host/ x\n".to_owned();
    let lines: Vec<_> = lines.chain([in_two]).collect();
    for_each(&lines, |line| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".env"), line).unwrap();
        let codes = codes_of_silent(|| {
            let mut command = counter("x", "");
            command.arg("sync").current_dir(folder.path());
            command
        });
        assert_eq!(codes, [2, 2, 2, 0], "{line}");
    });
}
