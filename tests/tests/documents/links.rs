use std::path::Path;

use super::document::{Document, document, documents, root};

#[test]
fn every_link_inside_the_project_leads_somewhere() {
    let mut broken = Vec::new();
    for from in documents() {
        for target in links(&from) {
            if !leads_somewhere(&from, target) {
                broken.push(format!("{}: {target}", from.name));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_guide_is_linked_from_the_readme() {
    let readme = document("README.md");
    let links = links(&readme);
    for guide in documents().iter().filter(|guide| guide.name.starts_with("docs/")) {
        let is_linked =
            links.iter().any(|link| link.split('#').next() == Some(guide.name.as_str()));
        assert!(is_linked, "{}", guide.name);
    }
}

fn links(document: &Document) -> Vec<&str> {
    let after_brackets = document.prose().into_iter().flat_map(|line| line.split("](").skip(1));
    let targets = after_brackets.filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.starts_with("http")).collect()
}

fn leads_somewhere(from: &Document, target: &str) -> bool {
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let folder = Path::new(&from.name).parent().unwrap();
    let to = if path.is_empty() { Path::new(&from.name).to_owned() } else { folder.join(path) };
    if !root().join(&to).exists() {
        return false;
    }
    anchor.is_empty()
        || document(to.to_str().unwrap()).anchors().iter().any(|other| other == anchor)
}
