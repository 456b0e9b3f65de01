//! The source files of a crate, parsed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The crates that are published.
pub(crate) const CRATES: [&str; 4] =
    ["counter-core", "counter-derive", "counter-diesel", "counter-cli"];

/// The modules of a crate that are files of their own, by their path: `["sync", "set"]`.
pub(crate) type Modules = BTreeMap<Vec<String>, syn::File>;

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Returns all files of Rust below a folder.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    files_with(folder, &["rs"])
}

/// Returns all files with one of these extensions below a folder.
pub(crate) fn files_with(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let is_built = path.file_name().is_some_and(|name| name == "target");
            if !is_built {
                files.extend(files_with(&path, extensions));
            }
        } else if path
            .extension()
            .is_some_and(|extension| extensions.iter().any(|asked| extension == *asked))
        {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Parses all files of a crate.
pub(crate) fn modules_of(name: &str) -> Modules {
    let source = repository().join(name).join("src");
    let parsed = files_below(&source).into_iter().map(|file| {
        let text = fs::read_to_string(&file).unwrap();
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{file:?}: {error}"));
        (module_path(file.strip_prefix(&source).unwrap()), parsed)
    });
    parsed.collect()
}

/// Returns the path of the module that a file is: `sync/set.rs` is `["sync", "set"]`, `lib.rs` is
/// `[]`.
fn module_path(file: &Path) -> Vec<String> {
    let path = file.with_extension("");
    let path = path.iter().map(|part| part.to_str().unwrap().to_owned()).collect::<Vec<_>>();
    if path == ["lib"] || path == ["main"] { Vec::new() } else { path }
}
