//! No circle of files, and none of folders: a folder, its subfolders and the file of its name count
//! as one.

use std::collections::BTreeSet;

use super::graph::{by_folder, circles};
use super::imports::Crate;
use super::source::sources;

const CRATES: [&str; 4] = ["counter-core", "counter-derive", "counter-diesel", "counter-cli"];

/// Files that are in a circle today, each with its crate. This must stay empty or become empty: a
/// file that is in no circle any more fails the test too.
const FILES_IN_CIRCLES: &[&str] = &[];

/// The same of folders.
const FOLDERS_IN_CIRCLES: &[&str] = &[];

fn all_in_circles(of_folders: bool) -> (BTreeSet<String>, String) {
    let (mut members, mut shown) = (BTreeSet::new(), String::new());
    for name in CRATES {
        let sources = sources(&format!("{name}/src"));
        let files = Crate::new(&sources).graph();
        let graph = if of_folders { by_folder(&files) } else { files };
        for circle in circles(&graph) {
            let inside = circle.iter().map(|from| {
                let to = graph[from].iter().filter(|to| circle.contains(to));
                format!("  {from} -> {}\n", to.cloned().collect::<Vec<_>>().join(", "))
            });
            shown += &format!("{name}:\n{}", inside.collect::<String>());
            members.extend(circle.iter().map(|member| format!("{name}: {member}")));
        }
    }
    (members, shown)
}

fn assert_known(known: &[&str], (members, shown): (BTreeSet<String>, String)) {
    let known = known.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
    let new = members.difference(&known).collect::<Vec<_>>();
    assert!(new.is_empty(), "new in a circle: {new:#?}\n{shown}");
    let healed = known.difference(&members).collect::<Vec<_>>();
    assert!(healed.is_empty(), "in no circle any more, so take them from the list: {healed:#?}");
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    assert_known(FILES_IN_CIRCLES, all_in_circles(false));
}

#[test]
fn no_folders_import_each_other_in_a_circle() {
    assert_known(FOLDERS_IN_CIRCLES, all_in_circles(true));
}
