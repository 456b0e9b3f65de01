//! What people read: comments that fit beside code, and words that say who acts.

use std::fs;
use std::path::{Path, PathBuf};

use crate::source::{files_with, repository};

/// Words that leave open who acts, or that the trade does not use for it.
const NOT_PLAIN: [&str; 6] = ["anybody", "nobody", "somebody", "tells", "told", "whoever"];

/// Columns of a comment.
const WIDEST_COMMENT: usize = 100;

#[test]
fn texts_say_who_acts() {
    let mut found = Vec::new();
    for file in texts() {
        for (number, line) in prose_of(&file) {
            let words = line.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
            found.extend(
                words
                    .filter(|word| NOT_PLAIN.contains(&word.as_str()))
                    .map(|word| format!("{}:{number}: {word}", file.display())),
            );
        }
    }
    assert!(found.is_empty(), "{} words: {found:#?}", found.len());
}

#[test]
fn no_comment_is_too_wide() {
    let mut wide = Vec::new();
    for file in files_with(&repository(), &["rs", "lua", "sql"]) {
        for (line, number) in fs::read_to_string(&file).unwrap().lines().zip(1..) {
            if is_comment(line) && line.chars().count() > WIDEST_COMMENT {
                wide.push(format!("{}:{number}", file.display()));
            }
        }
    }
    assert!(wide.is_empty(), "{} comments: {wide:#?}", wide.len());
}

/// All documents and sources, but this one.
fn texts() -> Vec<PathBuf> {
    let mut files = files_with(&repository(), &["rs", "lua", "sql", "md"]);
    files.retain(|file| !file.ends_with("tests/tests/house/words.rs"));
    files
}

/// Returns the lines of a file that people read as sentences, each with its number and without
/// code: a document outside of its blocks of code, and elsewhere comments and texts between quotes.
fn prose_of(file: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(file).unwrap();
    let is_document = file.extension().is_some_and(|extension| extension == "md");
    let mut is_code = false;
    let lines = text.lines().zip(1..).filter_map(|(line, number)| {
        let is_fence = is_document && line.trim_start().starts_with("```");
        is_code ^= is_fence;
        let prose = match is_document {
            true if is_fence || is_code => return None,
            true => line.to_owned(),
            false if is_comment(line) => line.to_owned(),
            false => sentences_in(line),
        };
        Some((number, without_code(&prose)))
    });
    lines.collect()
}

fn is_comment(line: &str) -> bool {
    ["//", "--"].iter().any(|mark| line.trim_start().starts_with(mark))
}

/// What stands between quotes and has more than one word.
fn sentences_in(line: &str) -> String {
    line.split('"').skip(1).step_by(2).filter(|text| text.contains(' ')).collect()
}

/// Leaves out what stands between backticks, and in braces what is formatted.
fn without_code(prose: &str) -> String {
    let outside = prose.split('`').step_by(2).collect::<String>();
    let mut pieces = outside.split('{');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + piece.split_once('}').map_or("", |(_, rest)| rest))
}
