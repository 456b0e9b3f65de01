//! Which file of a crate imports which.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::Graph;
use super::source::{Source, length_of_item};

type Path = Vec<String>;

/// The files of a crate, and what they offer to each other.
pub struct Crate<'a> {
    sources: &'a [Source],
    /// The file of each module.
    files: BTreeMap<Path, &'a Source>,
    /// The places behind the names that a module re-exports.
    exports: BTreeMap<(Path, String), Path>,
}

/// One name that a `use` brings into a file.
struct Import {
    path: Path,
    name: String,
    is_public: bool,
}

impl<'a> Crate<'a> {
    pub fn new(sources: &'a [Source]) -> Self {
        let files = sources.iter().map(|source| (source.module(), source)).collect();
        let mut all = Self { sources, files, exports: BTreeMap::new() };
        for source in sources {
            let module = source.module();
            for import in imports_of(&source.code).into_iter().filter(|import| import.is_public) {
                let path = all.absolute(&module, &import.path);
                all.exports.insert((module.clone(), import.name), path);
            }
        }
        all
    }

    /// What each file but the crate's root points to. A re-export is no dependency of the file that
    /// has it: a file that imports through it depends on the file behind it.
    pub fn graph(&self) -> Graph {
        let mut graph = Graph::new();
        for source in self.sources.iter().filter(|source| !source.module().is_empty()) {
            let targets = self.targets_of(source);
            let others = targets.into_iter().filter(|target| *target != source.name);
            graph.insert(source.name.clone(), others.collect());
        }
        self.add_methods(&mut graph);
        graph
    }

    fn targets_of(&self, source: &Source) -> BTreeSet<String> {
        let module = source.module();
        let mut paths = Vec::new();
        let mut local = BTreeMap::new();
        for import in imports_of(&source.code) {
            local.insert(import.name.clone(), self.absolute(&module, &import.path));
            if !import.is_public {
                paths.push(import.path);
            }
        }
        for child in
            self.files.keys().filter(|path| path.split_last().is_some_and(|it| it.1 == module))
        {
            local.insert(child.last().cloned().unwrap_or_default(), child.clone());
        }
        let code = without_imports(&source.code);
        for path in paths_in(&code) {
            match local.get(&path[0]) {
                Some(start) => paths.push([start, &path[1..]].concat()),
                None if ["crate", "self", "super"].contains(&path[0].as_str()) => paths.push(path),
                None => {}
            }
        }
        let absolute = paths.iter().map(|path| self.absolute(&module, path));
        absolute.filter_map(|path| self.file_of(&path, 0)).collect()
    }

    /// The file in which the thing with this path is defined.
    fn file_of(&self, path: &[String], depth: usize) -> Option<String> {
        if path.first()? != "crate" || depth > 8 {
            return None;
        }
        let path = &path[1..];
        let known = |length: &usize| self.files.contains_key(&path[..*length]);
        let length = (0..=path.len()).rev().find(known)?;
        let module = path[..length].to_vec();
        if let Some(name) = path.get(length)
            && let Some(behind) = self.exports.get(&(module.clone(), name.clone()))
        {
            return self.file_of(&[behind, &path[length + 1..]].concat(), depth + 1);
        }
        let file = self.files.get(&module)?;
        (!module.is_empty()).then(|| file.name.clone())
    }

    /// The path from the crate's root, which it begins with. Another crate's path stays as it is.
    fn absolute(&self, module: &[String], path: &[String]) -> Path {
        let mut base = module.to_vec();
        let mut rest = path;
        match path.first().map(String::as_str) {
            Some("crate") => return path.to_vec(),
            Some("self" | "super") => {}
            // In the crate's root, and for a folder's own files.
            Some(first) if self.files.contains_key(&[module, &[first.to_owned()]].concat()) => {}
            _ => return path.to_vec(),
        }
        while let Some((first, after)) = rest.split_first() {
            match first.as_str() {
                "self" => {}
                "super" => drop(base.pop()),
                _ => break,
            }
            rest = after;
        }
        [&["crate".to_owned()], &base[..], rest].concat()
    }

    /// Adds the callers of methods that a file adds to another file's type: no import shows that they
    /// depend on that file. Calls are recognised by the method's name, if the crate defines that name
    /// once, in files that name the type.
    fn add_methods(&self, graph: &mut Graph) {
        for (file, type_name, method) in self.foreign_methods() {
            let calls = [format!(".{method}("), format!("::{method}(")];
            for caller in self.sources.iter().filter(|caller| caller.name != file) {
                let names_type = words_in(&caller.code).any(|word| word == type_name);
                let is_called = names_type && calls.iter().any(|call| caller.code.contains(call));
                if is_called && let Some(targets) = graph.get_mut(&caller.name) {
                    targets.insert(file.clone());
                }
            }
        }
    }

    fn foreign_methods(&self) -> Vec<(String, String, String)> {
        let (mut types, mut functions) = (BTreeSet::new(), BTreeMap::<_, usize>::new());
        for source in self.sources {
            types.extend(definitions(&source.code));
            for name in words_after(&source.code, "fn ") {
                *functions.entry(name).or_default() += 1;
            }
        }
        let mut methods = Vec::new();
        for (source, type_name, body) in self.inherent_impls() {
            let is_here = definitions(&source.code).any(|name| name == type_name);
            if !is_here && types.contains(&type_name) {
                let names = words_after(&body, "fn ").into_iter();
                let names = names.filter(|name| functions.get(name) == Some(&1));
                methods.extend(names.map(|name| (source.name.clone(), type_name.clone(), name)));
            }
        }
        methods
    }

    /// Blocks `impl Type { .. }`, with the file and the name of the type.
    fn inherent_impls(&self) -> Vec<(&Source, String, String)> {
        let mut impls = Vec::new();
        for source in self.sources {
            let starts = source.code.match_indices("impl").map(|(at, _)| at);
            for start in starts.filter(|at| source.code[..*at].ends_with(['\n', ' ']) || *at == 0) {
                let item = &source.code[start..];
                let item = &item[..length_of_item(item)];
                let Some((head, body)) = item.split_once('{') else { continue };
                let head = without_generics(&head[4..]);
                let mut words = head.split_whitespace();
                let type_name =
                    words.next().unwrap_or_default().rsplit("::").next().unwrap_or_default();
                if words.next().is_none_or(|word| word == "where") {
                    impls.push((source, type_name.to_owned(), body.to_owned()));
                }
            }
        }
        impls
    }
}

fn without_generics(head: &str) -> String {
    let mut depth = 0;
    let outside = |c: &char| {
        depth += i32::from(*c == '<') - i32::from(*c == '>');
        depth == 0 && *c != '>'
    };
    head.chars().filter(outside).collect()
}

fn definitions(code: &str) -> impl Iterator<Item = String> {
    ["struct ", "enum ", "trait "].into_iter().flat_map(|kind| words_after(code, kind))
}

fn words_in(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !c.is_alphanumeric() && c != '_')
}

fn words_after(code: &str, before: &str) -> Vec<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let after = code.split(before).skip(1);
    after.map(|rest| rest.chars().take_while(|c| is_word(*c)).collect()).collect()
}

/// What `use` brings into a file.
fn imports_of(code: &str) -> Vec<Import> {
    let mut imports = Vec::new();
    for (at, _) in use_statements(code) {
        let line = code[..at].rsplit('\n').next().unwrap_or_default();
        let is_public = line.contains("pub");
        let end = code[at..].find(';').map_or(code.len(), |end| at + end);
        let mut paths = Vec::new();
        expand(&code[at + 4..end], &[], &mut paths);
        imports.extend(paths.into_iter().map(|(path, name)| Import { path, name, is_public }));
    }
    imports
}

fn use_statements(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.match_indices("use ").filter(|(at, _)| {
        let line = code[..*at].rsplit('\n').next().unwrap_or_default().trim_start();
        line.is_empty() || (line.starts_with("pub") && line.len() < 20)
    })
}

fn without_imports(code: &str) -> String {
    let mut left = code.to_owned();
    let starts = use_statements(code).map(|(at, _)| at).collect::<Vec<_>>();
    for start in starts.into_iter().rev() {
        let end = left[start..].find(';').map_or(left.len(), |end| start + end);
        left.replace_range(start..end, "");
    }
    left
}

/// The paths of a tree such as `a::{self, b as c, d::*}`, each with the name that it gets.
fn expand(tree: &str, before: &[String], paths: &mut Vec<(Path, String)>) {
    let tree = tree.trim();
    let (head, inside) = match tree.split_once('{') {
        Some((head, inside)) => (head, inside.strip_suffix('}')),
        None => (tree, None),
    };
    let (head, alias) = head.split_once(" as ").map_or((head, None), |(head, it)| (head, Some(it)));
    let parts = head.split("::").map(|part| part.trim().to_owned());
    let mut path = before.to_vec();
    path.extend(parts.filter(|part| !part.is_empty() && part != "*"));
    if let Some(inside) = inside {
        split_outside_braces(inside).into_iter().for_each(|part| expand(part, &path, paths));
        return;
    }
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let name =
        alias.map_or_else(|| path.last().cloned().unwrap_or_default(), |it| it.trim().to_owned());
    if !path.is_empty() {
        paths.push((path, name));
    }
}

fn split_outside_braces(list: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in list.char_indices() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if c == ',' && depth == 0 {
            parts.push(&list[start..at]);
            start = at + 1;
        }
    }
    parts.push(&list[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// Paths of more than one part.
fn paths_in(code: &str) -> Vec<Path> {
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let words = code.split(|c| !is_path(c)).filter(|word| word.contains("::"));
    let parts = |word: &str| word.split("::").map(str::to_owned).collect::<Path>();
    words.map(parts).filter(|path| path.iter().all(|part| !part.is_empty())).collect()
}

#[cfg(test)]
fn graph_of(files: &[(&str, &str)]) -> Graph {
    let sources = files.iter().map(|(name, text)| Source::new(name, text)).collect::<Vec<_>>();
    Crate::new(&sources).graph()
}

#[cfg(test)]
fn edges(graph: &Graph) -> Vec<(&str, &str)> {
    let edges = graph.iter();
    edges.flat_map(|(from, to)| to.iter().map(move |to| (from.as_str(), to.as_str()))).collect()
}

#[test]
fn imports_are_read_from_trees_paths_and_re_exports() {
    let graph = graph_of(&[
        ("lib.rs", "mod a;\nmod b;\nmod c;\npub use a::deep::Deep;"),
        ("a.rs", "pub(crate) mod deep;\npub use self::deep::Deep;"),
        ("a/deep.rs", "use crate::c::{self, Low};\npub struct Deep;"),
        ("b.rs", "use crate::{a::Deep, c as low};\nfn f() { crate::Deep; }"),
        ("c.rs", "use std::fmt;\npub struct Low;"),
    ]);
    let expected = [("a/deep.rs", "c.rs"), ("b.rs", "a/deep.rs"), ("b.rs", "c.rs")];
    assert_eq!(edges(&graph), expected);
}

#[test]
fn paths_in_code_and_names_of_siblings_are_followed() {
    let graph = graph_of(&[
        ("a/one.rs", "fn f() { super::two::g(); }"),
        ("a/two.rs", "use super::steps; fn g() { steps::claim::claim(); }"),
        ("a/steps.rs", "mod claim;"),
        ("a/steps/claim.rs", "use super::super::one; fn claim() {}"),
    ]);
    let circle = ["a/one.rs", "a/steps/claim.rs", "a/two.rs"].map(str::to_owned).to_vec();
    assert_eq!(super::graph::circles(&graph), [circle].into());
}

#[test]
fn a_method_that_another_file_adds_is_a_dependency_of_its_callers() {
    let graph = graph_of(&[
        ("store.rs", "pub struct Store; fn f(store: &Store) { store.confirm(1) }"),
        ("confirm.rs", "use crate::store::Store; impl Store { fn confirm(&self, n: u8) {} }"),
    ]);
    let circle = ["confirm.rs", "store.rs"].map(str::to_owned).to_vec();
    assert_eq!(super::graph::circles(&graph), [circle].into());
}
