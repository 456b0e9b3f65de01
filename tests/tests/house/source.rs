//! The sources of a crate, and their code without comments, texts and unit tests.

use std::fs;
use std::path::{Path, PathBuf};

/// A file of a crate.
pub struct Source {
    /// Where it is below `src`, such as `sync/apply.rs`.
    pub name: String,
    pub text: String,
    /// The text without comments, without the content of string literals, and without unit tests. It
    /// has the same lines.
    pub code: String,
}

impl Source {
    pub fn new(name: &str, text: &str) -> Self {
        let code = without_tests(&without_comments(text));
        Self { name: name.to_owned(), text: text.to_owned(), code }
    }

    /// The path of its module, such as `["sync", "apply"]`. That of `lib.rs` is empty.
    pub fn module(&self) -> Vec<String> {
        let path = self.name.trim_end_matches(".rs");
        let parts = path.split('/').filter(|part| !["lib", "main", "mod"].contains(part));
        parts.map(str::to_owned).collect()
    }
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files of Rust below a folder of the project.
pub fn sources(folder: &str) -> Vec<Source> {
    let folder = root().join(folder);
    let mut names = Vec::new();
    collect(&folder, "", &mut names);
    assert!(!names.is_empty(), "{} has no sources", folder.display());
    names.sort();
    let read = |name: &String| Source::new(name, &fs::read_to_string(folder.join(name)).unwrap());
    names.iter().map(read).collect()
}

fn collect(folder: &Path, below: &str, names: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{below}{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{name}/"), names);
        } else if name.ends_with(".rs") {
            names.push(name);
        }
    }
}

/// Replaces comments and the content of literals by spaces.
fn without_comments(text: &str) -> String {
    let (mut code, mut rest) = (String::new(), text);
    while !rest.is_empty() {
        let hidden = length_of_hidden(rest, code.chars().next_back());
        let (taken, is_hidden) = match hidden {
            0 => (rest.chars().next().map_or(0, char::len_utf8), false),
            length => (length, true),
        };
        let (part, after) = rest.split_at(taken);
        let blank = |c: char| if c == '\n' { '\n' } else { ' ' };
        code.extend(part.chars().map(|c| if is_hidden { blank(c) } else { c }));
        rest = after;
    }
    code
}

/// The length of the comment or literal that `rest` begins with, or 0.
fn length_of_hidden(rest: &str, before: Option<char>) -> usize {
    let through = |end: &str, from: usize| {
        rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len())
    };
    let is_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return through("*/", 2);
    }
    if rest.starts_with('r') && !is_word {
        let hashes = rest[1..].len() - rest[1..].trim_start_matches('#').len();
        if rest[1 + hashes..].starts_with('"') {
            return through(&format!("\"{}", "#".repeat(hashes)), hashes + 2);
        }
    }
    match rest.chars().next() {
        Some('"') => end_of_literal(rest, '"'),
        Some('\'') if is_character(rest) => end_of_literal(rest, '\''),
        _ => 0,
    }
}

/// Whether this is a character and not a lifetime.
fn is_character(rest: &str) -> bool {
    let mut next = rest.chars().skip(1);
    next.next() == Some('\\') || next.next() == Some('\'')
}

fn end_of_literal(rest: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if c == quote && !is_escaped {
            return at + quote.len_utf8();
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    rest.len()
}

/// Replaces what follows `#[cfg(test)]` by empty lines.
fn without_tests(code: &str) -> String {
    let mut left = code.to_owned();
    while let Some(start) = left.find("#[cfg(test)]") {
        let length = length_of_item(&left[start..]);
        let lines = "\n".repeat(left[start..start + length].matches('\n').count());
        left.replace_range(start..start + length, &lines);
    }
    left
}

/// The length of an item: to its semicolon, or to the brace that closes its first one.
pub fn length_of_item(code: &str) -> usize {
    let mut depth = 0;
    for (at, c) in code.char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 && (c == '}' || c == ';') {
            return at + 1;
        }
    }
    code.len()
}

#[test]
fn comments_texts_and_tests_are_no_code() {
    let text = "use a; // use b;\nlet x = \"use \\\"c;\"; r#\"use d\"#; '\"'; fn f<'a>() {}\n\
                #[cfg(test)]\nmod tests {\n use e;\n}\nuse f;\n";
    let source = Source::new("sync/apply.rs", text);
    for word in ["use b", "use \\", "use d", "use e"] {
        assert!(!source.code.contains(word), "{word}: {}", source.code);
    }
    assert!(source.code.contains("use a;") && source.code.contains("fn f<'a>() {}"));
    assert!(source.code.ends_with("use f;\n"), "{}", source.code);
    assert_eq!(source.code.lines().count(), text.lines().count());
    assert_eq!(source.module(), ["sync", "apply"]);
}
