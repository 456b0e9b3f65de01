//! Imports of counter-diesel point one way, from the façade to the errors.

use std::collections::BTreeSet;

use super::graph::Graph;
use super::imports::Crate;
use super::source::sources;

/// From top to bottom. A file imports only from its own layer and from those below.
const LAYERS: [&[&str]; 8] = [
    &["prelude.rs", "derive_support.rs", "store.rs"],
    &["rows"],
    &["counters"],
    &["query", "check", "overview", "maintenance"],
    &["sync"],
    &["engine"],
    &["owner", "ledger"],
    &["ledger/dialect"],
];
/// Below all layers.
const LOWEST: usize = LAYERS.len();

/// Imports that point up today. This must become empty: one that is gone fails the test too.
const POINTING_UP: &[&str] = &[];

fn layer_of(file: &str) -> usize {
    let path = file.trim_end_matches(".rs");
    let is_in = |name: &&str| {
        let name = name.trim_end_matches(".rs");
        path == name || path.starts_with(&format!("{name}/"))
    };
    // A folder inside another is named below it.
    LAYERS.iter().rposition(|names| names.iter().any(is_in)).unwrap_or(LOWEST)
}

fn pointing_up(graph: &Graph) -> BTreeSet<String> {
    let edges = graph.iter().flat_map(|(from, to)| to.iter().map(move |to| (from, to)));
    let up = edges.filter(|(from, to)| layer_of(to) < layer_of(from));
    up.map(|(from, to)| format!("{from} -> {to}")).collect()
}

#[test]
fn imports_of_counter_diesel_point_one_way() {
    let up = pointing_up(&Crate::new(&sources("counter-diesel/src")).graph());
    let known = POINTING_UP.iter().map(|&edge| edge.to_owned()).collect::<BTreeSet<_>>();
    let new = up.difference(&known).collect::<Vec<_>>();
    assert!(new.is_empty(), "imports that point up: {new:#?}");
    let gone = known.difference(&up).collect::<Vec<_>>();
    assert!(gone.is_empty(), "gone, so take them from the list: {gone:#?}");
}

/// A file below the root of the crate whose layer is not named would count as one of the lowest.
#[test]
fn every_folder_has_a_layer() {
    let sources = sources("counter-diesel/src");
    let folders = sources.iter().filter(|source| source.name.contains('/'));
    let without = folders.filter(|source| layer_of(&source.name) == LOWEST);
    assert_eq!(without.map(|source| &source.name).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn an_import_that_points_up_is_found_and_one_to_a_neighbour_is_none() {
    let edges = [
        ("sync/pass.rs", "counters/counters.rs"),
        ("ledger/dialect/pg.rs", "ledger/pool.rs"),
        ("error.rs", "ledger.rs"),
        ("check/check.rs", "query/counter_value.rs"),
        ("ledger/pool.rs", "ledger/dialect/pg.rs"),
        ("counters/counters.rs", "error.rs"),
    ];
    let mut graph = Graph::new();
    for (from, to) in edges {
        graph.entry(from.to_owned()).or_default().insert(to.to_owned());
    }
    let expected = edges[..3].iter().map(|(from, to)| format!("{from} -> {to}"));
    assert_eq!(pointing_up(&graph), expected.collect());
}
