use super::document::{Document, document, documents};

/// Who runs or checks the blocks of a language, and in which documents they look for them.
const CHECKED: [(&str, &[&str]); 9] = [
    // In `src/lib.rs`.
    ("rust", &[]),
    // In `sessions.rs`, and in `sql.rs`.
    ("console", &["README.md", "docs/migrating.md", "docs/wire-format.md"]),
    // In `commands.rs`.
    (
        "sh",
        &[
            "CONTRIBUTING.md",
            "README.md",
            "counter-cli/COMMAND.md",
            "docs/adopting.md",
            "docs/benchmarks.md",
        ],
    ),
    ("crontab", &["docs/operating.md"]),
    ("ini", &["docs/operating.md"]),
    ("toml", &["README.md", "docs/adopting.md"]),
    // In `sql.rs`.
    ("sql", &["docs/migrating.md"]),
    // In `python.rs`.
    ("python", &["docs/wire-format.md"]),
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
            assert!(is_checked, "{}: nobody runs this block: {block:?}", document.name);
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

/// Whether the documentation tests have it: here, in the package of the derive macro's tests, or as a page of the
/// library's own documentation.
fn is_compiled(from: &Document) -> bool {
    let library = document("counter-diesel/src/sync/telemetry.rs").text;
    if from.name.ends_with("/observing.md") {
        return library.starts_with("#![doc = include_str!(\"../../observing.md\")]");
    }
    let libraries = ["tests/src/lib.rs", "tests/derive/src/lib.rs"];
    libraries.iter().any(|name| {
        let included = document(name).text;
        included.contains(&format!("../{}\")]", from.name))
    })
}
