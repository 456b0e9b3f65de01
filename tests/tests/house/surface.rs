//! What the crates offer to others.

use std::collections::BTreeSet;

use syn::{Item, UseTree, Visibility};

use crate::source::modules_of;

/// An application depends on counter-diesel alone, so what it needs to write a store has to be
/// there.
#[test]
fn what_counter_core_offers_is_in_counter_diesel_too() {
    let core = modules_of("counter-core");
    let offered = core[&Vec::<String>::new()].items.iter().flat_map(names_of).collect();
    let diesel = modules_of("counter-diesel");
    let passed_on = diesel.values().flat_map(|file| &file.items).flat_map(names_of);
    let passed_on = passed_on.collect::<BTreeSet<_>>();
    let missing = BTreeSet::difference(&offered, &passed_on).collect::<Vec<_>>();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Returns the names that an item makes public by naming them again.
fn names_of(item: &Item) -> Vec<String> {
    match item {
        Item::Use(item) if matches!(item.vis, Visibility::Public(_)) => leaves_of(&item.tree),
        Item::Mod(item) => {
            let items = item.content.iter().flat_map(|(_, items)| items);
            items.flat_map(names_of).collect()
        }
        _ => Vec::new(),
    }
}

/// Returns the last names of a `use`.
fn leaves_of(tree: &UseTree) -> Vec<String> {
    match tree {
        UseTree::Path(path) => leaves_of(&path.tree),
        UseTree::Name(name) => vec![name.ident.to_string()],
        // Under another name it is there, too.
        UseTree::Rename(rename) => vec![rename.ident.to_string()],
        UseTree::Glob(_) => Vec::new(),
        UseTree::Group(group) => group.items.iter().flat_map(leaves_of).collect(),
    }
}
