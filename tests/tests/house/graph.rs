//! What points where, and the circles in it.

use std::collections::{BTreeMap, BTreeSet};

/// Names, and the names that each of them points to.
pub type Graph = BTreeMap<String, BTreeSet<String>>;

/// The circles of a graph: sets of names each of which leads to each other.
pub fn circles(graph: &Graph) -> BTreeSet<Vec<String>> {
    let reach: BTreeMap<_, _> = graph.keys().map(|name| (name, reachable(graph, name))).collect();
    let leads = |from: &String, to: &String| reach.get(from).is_some_and(|all| all.contains(to));
    let of = |name: &String| {
        let both = graph.keys().filter(|other| leads(name, other) && leads(other, name));
        both.cloned().collect::<Vec<_>>()
    };
    graph.keys().map(of).filter(|circle| circle.len() > 1).collect()
}

fn reachable(graph: &Graph, from: &str) -> BTreeSet<String> {
    let (mut seen, mut left) = (BTreeSet::new(), vec![from.to_owned()]);
    while let Some(name) = left.pop() {
        for next in graph.get(&name).into_iter().flatten() {
            if seen.insert(next.clone()) {
                left.push(next.clone());
            }
        }
    }
    seen
}

/// The graph of folders: each name becomes its first part, and what points into itself is left out.
/// So is a file that is in no folder, unless it is the root of one.
pub fn by_folder(graph: &Graph) -> Graph {
    let first = |name: &String| {
        name.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned()
    };
    let names = graph.keys().filter(|name| name.contains('/'));
    let mut folders = names.map(|name| (first(name), BTreeSet::new())).collect::<Graph>();
    let known = folders.keys().cloned().collect::<BTreeSet<_>>();
    for (from, to) in graph {
        let others = to.iter().map(first).filter(|to| *to != first(from) && known.contains(to));
        if let Some(folder) = folders.get_mut(&first(from)) {
            folder.extend(others);
        }
    }
    folders
}

#[cfg(test)]
fn graph(edges: &[(&str, &str)]) -> Graph {
    let mut graph = Graph::new();
    for (from, to) in edges {
        graph.entry((*to).to_owned()).or_default();
        graph.entry((*from).to_owned()).or_default().insert((*to).to_owned());
    }
    graph
}

#[test]
fn a_circle_is_found_and_a_way_through_it_is_not_in_it() {
    let with = graph(&[("top", "a"), ("a", "b"), ("b", "c"), ("c", "a"), ("c", "low")]);
    assert_eq!(circles(&with), [["a", "b", "c"].map(str::to_owned).to_vec()].into());
    let without = graph(&[("top", "a"), ("a", "b"), ("a", "c"), ("b", "c")]);
    assert_eq!(circles(&without), BTreeSet::new());
}

#[test]
fn folders_form_a_circle_where_their_files_form_none() {
    let files = graph(&[("a/x.rs", "b/x.rs"), ("b/deep/y.rs", "a/y.rs"), ("a.rs", "a/x.rs")]);
    assert_eq!(circles(&files), BTreeSet::new());
    assert_eq!(circles(&by_folder(&files)), [["a", "b"].map(str::to_owned).to_vec()].into());
}
