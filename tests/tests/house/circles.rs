//! No file and no folder may depend on itself, by whatever detour.

use std::collections::{BTreeMap, BTreeSet};

use crate::paths::{Graph, graph_of};
use crate::source::{CRATES, Modules, modules_of};

#[test]
fn no_file_depends_on_itself() {
    for name in CRATES {
        let graph = graph_of(&modules_of(name));
        assert_eq!(circle_in(&graph), None, "files of {name}");
    }
}

#[test]
fn no_folder_depends_on_itself() {
    for name in CRATES {
        let modules = modules_of(name);
        let graph = graph_of(&modules);
        for folder in modules.keys() {
            assert_eq!(circle_in(&children_of(folder, &graph)), None, "{name}: in {folder:?}");
        }
    }
}

/// Returns the graph of what is directly in a folder. A subfolder with all that is below counts as
/// one.
fn children_of(folder: &[String], graph: &Graph) -> Graph {
    let depth = folder.len() + 1;
    let child = |module: &[String]| {
        (module.len() >= depth && module.starts_with(folder)).then(|| module[..depth].to_vec())
    };
    let mut children = Graph::new();
    for (module, named) in graph {
        let Some(from) = child(module) else { continue };
        let to = named.iter().filter_map(|named| child(named)).filter(|to| *to != from);
        children.entry(from.clone()).or_default().extend(to);
    }
    children
}

/// Returns the members of a circle, if there is one: those that are left when what depends on
/// nothing else, and what nothing else depends on, is taken away again and again.
fn circle_in(graph: &Graph) -> Option<Vec<String>> {
    let mut left = graph.clone();
    loop {
        let named = left.values().flatten().cloned().collect::<BTreeSet<_>>();
        let before = left.len();
        left.retain(|module, names| !names.is_empty() && named.contains(module));
        let members = left.keys().cloned().collect::<BTreeSet<_>>();
        left.values_mut().for_each(|names| names.retain(|name| members.contains(name)));
        if left.is_empty() {
            return None;
        }
        if left.len() == before {
            let shown = |(module, names): (&Vec<String>, &BTreeSet<Vec<String>>)| {
                let names = names.iter().map(|name| name.join("/")).collect::<Vec<_>>();
                format!("{} -> {}", module.join("/"), names.join(", "))
            };
            return Some(left.iter().map(shown).collect());
        }
    }
}

/// Parses files that are given as their paths and texts.
fn parsed(files: &[(&str, &str)]) -> Modules {
    let parse = |(path, text): &(&str, &str)| {
        let path = path.split('/').filter(|part| !part.is_empty()).map(str::to_owned);
        (path.collect(), syn::parse_file(text).unwrap())
    };
    files.iter().map(parse).collect::<BTreeMap<_, _>>()
}

#[test]
fn a_circle_is_found_however_it_is_written() {
    let circles: [&[(&str, &str)]; 6] = [
        &[("", "mod a; mod b;"), ("a", "use crate::b::B;"), ("b", "use super::a::A;")],
        &[("", ""), ("a", "fn f() { crate::b::g() }"), ("b", "use crate::{a::{self, f}};")],
        &[("", ""), ("a", "pub use b::B; mod b;"), ("a/b", "use crate::a::C;")],
        &[("", "pub use a::A;"), ("a", "use crate::B;")],
        &[("", ""), ("a", "mod inner { use super::super::b::B; }"), ("b", "use crate::a;")],
        &[
            ("", ""),
            ("a", "struct A; fn f(a: A) { a.added() }"),
            ("b", "use crate::a::A; impl A { fn added(self) {} }"),
        ],
    ];
    for files in circles {
        assert!(circle_in(&graph_of(&parsed(files))).is_some(), "{files:?}");
    }
}

#[test]
fn what_is_no_circle_is_taken_for_none() {
    let files = [
        ("", "mod a; mod b; pub use a::A;"),
        ("a", "use crate::b::B; #[cfg(test)] mod tests { use super::*; }"),
        ("b", "#[cfg(test)] mod tests { use crate::a::A; }"),
    ];
    assert_eq!(circle_in(&graph_of(&parsed(&files))), None);
}

#[test]
fn folders_can_form_a_circle_where_files_do_not() {
    let files = [
        ("", ""),
        ("a", "mod x; mod z;"),
        ("a/x", "use crate::b::y::Y;"),
        ("a/z", ""),
        ("b", "mod y; mod w;"),
        ("b/y", ""),
        ("b/w", "use crate::a::z::Z;"),
    ];
    let graph = graph_of(&parsed(&files));
    assert_eq!(circle_in(&graph), None);
    assert!(circle_in(&children_of(&[], &graph)).is_some());
}
