use std::fs;
use std::path::{Path, PathBuf};

use super::document::{Document, document, documents, root};

/// Who runs or checks the blocks of a language, and in which documents they look for them.
const CHECKED: [(&str, &[&str]); 11] = [
    // In `src/lib.rs`.
    ("rust", &[]),
    // In `sessions.rs`, and in `sql.rs`.
    ("console", &["counter-cli/COMMAND.md", "docs/migrating.md", "docs/wire-format.md"]),
    // In `commands.rs`.
    (
        "sh",
        &[
            "CONTRIBUTING.md",
            "README.md",
            "counter-cli/COMMAND.md",
            "docs/adopting.md",
            "docs/benchmarks.md",
            "docs/periods.md",
            "docs/queries.md",
            "docs/recipes.md",
            "docs/renaming.md",
            "docs/zones.md",
        ],
    ),
    ("crontab", &["docs/operating.md"]),
    ("ini", &["docs/operating.md"]),
    ("toml", &["README.md", "docs/adopting.md"]),
    // In `sql.rs`.
    ("sql", &["docs/migrating.md", "docs/periods.md", "docs/queries.md"]),
    // In `languages.rs`.
    ("python", &["docs/wire-format.md"]),
    ("php", &["docs/wire-format.md"]),
    ("js", &["docs/wire-format.md"]),
    // In the test `command`.
    ("json", &["counter-cli/COMMAND.md"]),
];

#[test]
fn no_block_of_code_escapes_its_check() {
    for document in documents() {
        for block in document.blocks() {
            let language = block.language.split(',').next().unwrap();
            let is_checked = match language {
                "text" => true,
                "" | "rust" => is_compiled(&document),
                other => CHECKED.iter().any(|(language, names)| {
                    *language == other && names.contains(&document.name.as_str())
                }),
            };
            assert!(is_checked, "{}: no test runs this block: {block:?}", document.name);
        }
    }
}

#[test]
fn no_block_of_rust_is_ignored() {
    for document in documents() {
        for block in document.blocks() {
            assert!(!block.language.contains("ignore"), "{}: {block:?}", document.name);
        }
    }
}

#[test]
fn the_first_example_of_the_readme_is_the_quickstart() {
    let readme = document("README.md");
    assert_eq!(readme.blocks().first().unwrap().code, document("examples/quickstart.rs").text);
}

/// Whether the documentation tests have it: here, in the package of the derive macro's tests, or as
/// a page of the library's own documentation.
fn is_compiled(from: &Document) -> bool {
    let path = root().join(&from.name).canonicalize().unwrap();
    let folders = ["tests/src", "tests/derive/src", "counter-diesel/src"];
    folders.iter().flat_map(|folder| sources(&root().join(folder))).any(|source| {
        let text = fs::read_to_string(&source).unwrap();
        let included = text.split("doc = include_str!(\"").skip(1);
        let included = included.filter_map(|rest| rest.split('"').next());
        let folder = source.parent().unwrap();
        included.map(|name| folder.join(name)).any(|file| file.canonicalize().unwrap() == path)
    })
}

/// All files of Rust in a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files) = entries.partition::<Vec<_>, _>(|path| path.is_dir());
    let files = files.into_iter().filter(|file| file.extension().is_some_and(|it| it == "rs"));
    files.chain(folders.iter().flat_map(|folder| sources(folder))).collect()
}
