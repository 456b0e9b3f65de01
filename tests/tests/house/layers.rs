//! In counter-diesel imports point one way, from the façade down.

use crate::paths::graph_of;
use crate::source::modules_of;

/// What is at the root of counter-diesel, from the top to the bottom: nothing names what is above
/// it or beside it.
const LAYERS: [&[&str]; 10] = [
    &["prelude", "rows", "derive_support"],
    &["counters"],
    &["query", "overview"],
    &["check"],
    &["sync"],
    &["engine"],
    &["owner", "ledger"],
    &["store"],
    &["error"],
    &["causes", "random", "targets"],
];

#[test]
fn everything_names_only_what_is_below_it() {
    for (module, named) in graph_of(&modules_of("counter-diesel")) {
        let Some(from) = module.first() else { continue };
        for named in named {
            let to = named.first().unwrap_or_else(|| panic!("{module:?} names the crate's root"));
            assert!(
                from == to || layer_of(from) < layer_of(to),
                "{} names {}",
                module.join("/"),
                named.join("/")
            );
        }
    }
}

#[test]
fn each_layer_is_there() {
    let modules = modules_of("counter-diesel");
    for name in LAYERS.concat() {
        let is_there = modules.keys().any(|path| path.first().is_some_and(|first| first == name));
        assert!(is_there, "there is no {name}");
    }
}

fn layer_of(name: &str) -> usize {
    let layer = LAYERS.iter().position(|layer| layer.contains(&name));
    layer.unwrap_or_else(|| panic!("{name} is in no layer: add it where it belongs"))
}

#[test]
fn a_dialect_knows_nothing_of_the_ledger_around_it() {
    let dialect = ["ledger".to_owned(), "dialect".to_owned()];
    for (module, named) in graph_of(&modules_of("counter-diesel")) {
        if module.starts_with(&dialect) {
            let around = named
                .iter()
                .find(|named| named.first() == dialect.first() && !named.starts_with(&dialect));
            assert_eq!(around, None, "named by {}", module.join("/"));
        }
    }
}
