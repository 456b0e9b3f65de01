//! Files and functions that can be read at a glance, and comments that fit beside the code.

use super::source::{Source, length_of_item, sources};

const MOST_LINES_OF_A_FILE: usize = 400;
const MOST_LINES_OF_A_FUNCTION: usize = 56;
const MOST_COLUMNS_OF_A_COMMENT: usize = 100;

const PRODUCT: [&str; 4] =
    ["counter-core/src", "counter-derive/src", "counter-diesel/src", "counter-cli/src"];
const TESTS: [&str; 9] = [
    "benchmarks",
    "counter-core/tests",
    "counter-cli/tests",
    "examples",
    "fuzz/fuzz_targets",
    "tests/derive/src",
    "tests/derive/tests",
    "tests/src",
    "tests/tests",
];

/// Where the width of comments is checked. All of `PRODUCT` and `TESTS` have to be here.
const WRAPPED: [&str; 0] = [];

/// Files that are too long today. This must become empty.
const TOO_LONG: &[&str] = &[];

fn of_all(folders: &[&str]) -> Vec<(String, Source)> {
    let of = |folder: &&str| {
        let folder = (*folder).to_owned();
        sources(&folder).into_iter().map(move |it| (format!("{folder}/{}", it.name), it))
    };
    folders.iter().flat_map(of).collect()
}

#[test]
fn no_file_is_longer_than_400_lines() {
    let files = of_all(&[&PRODUCT[..], &TESTS].concat());
    let long = files.iter().filter(|(_, it)| it.text.lines().count() > MOST_LINES_OF_A_FILE);
    assert_eq!(long.map(|(name, _)| name.as_str()).collect::<Vec<_>>(), TOO_LONG);
}

#[test]
fn no_function_is_longer_than_56_lines() {
    let files = of_all(&[&PRODUCT[..], &TESTS].concat());
    let long = files.iter().flat_map(|(name, source)| {
        let long = functions(&source.code).filter(|(_, lines)| *lines > MOST_LINES_OF_A_FUNCTION);
        long.map(move |(function, lines)| format!("{name}: {function} has {lines} lines"))
    });
    assert_eq!(long.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn no_comment_is_wider_than_100_columns() {
    let files = of_all(&WRAPPED);
    let wide = files.iter().flat_map(|(name, source)| {
        wide_comments(&source.text).map(move |number| format!("{name}:{number}"))
    });
    assert_eq!(wide.collect::<Vec<_>>(), [""; 0]);
}

/// The functions in code, each with its number of lines.
fn functions(code: &str) -> impl Iterator<Item = (String, usize)> + '_ {
    let starts = code
        .match_indices("fn ")
        .filter(|(at, _)| code[..*at].ends_with([' ', '\n', '(']) || *at == 0);
    starts.filter_map(|(at, _)| {
        let item = &code[at..];
        let name = item[3..].split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
        let lines = item[..length_of_item(item)].lines().count();
        (!name.is_empty()).then(|| (name.to_owned(), lines))
    })
}

/// The numbers of the lines whose comments are too wide.
fn wide_comments(text: &str) -> impl Iterator<Item = usize> + '_ {
    let lines = text.lines().enumerate();
    let is_wide = |line: &str| {
        line.trim_start().starts_with("//") && line.chars().count() > MOST_COLUMNS_OF_A_COMMENT
    };
    lines.filter(move |(_, line)| is_wide(line)).map(|(number, _)| number + 1)
}

#[test]
fn lines_of_functions_and_columns_of_comments_are_counted() {
    let code =
        "pub fn short() {}\n\nfn long<T>(\n  of: T,\n) -> [u8; 2] {\n  { 1 }\n}\nfn wanted();\n";
    let expected = [("short", 1), ("long", 5), ("wanted", 1)];
    let expected = expected.map(|(name, lines)| (name.to_owned(), lines));
    assert_eq!(functions(code).collect::<Vec<_>>(), expected);
    let (fits, wide) = ("x".repeat(97), "ü".repeat(98));
    let text = format!("// {fits}\ncode();\n    /// {wide}\n\"{wide}\"; {wide}\n");
    assert_eq!(wide_comments(&text).collect::<Vec<_>>(), [3]);
}
