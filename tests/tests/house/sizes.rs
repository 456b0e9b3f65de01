//! Files and functions that can be read at a glance.

use std::fs;
use std::path::Path;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::source::{CRATES, files_below, repository};

/// Lines of a file.
const LONGEST_FILE: usize = 400;

/// Lines of a function, from `fn` to its closing brace.
const LONGEST_FUNCTION: usize = 56;

/// Columns of a line.
const WIDEST_LINE: usize = 100;

#[test]
fn no_file_is_too_long() {
    for file in files_below(&repository()) {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= LONGEST_FILE, "{}: {lines} lines", file.display());
    }
}

#[test]
fn no_function_is_too_long() {
    for file in files_below(&repository()) {
        let text = fs::read_to_string(&file).unwrap();
        // Some inputs of the derive's tests are no Rust.
        let Ok(parsed) = syn::parse_file(&text) else { continue };
        Functions(&file).visit_file(&parsed);
    }
}

struct Functions<'a>(&'a Path);

impl Functions<'_> {
    fn check(&self, name: &syn::Ident, block: &impl Spanned) {
        let lines = block.span().end().line + 1 - name.span().start().line;
        assert!(lines <= LONGEST_FUNCTION, "{}: {name}: {lines} lines", self.0.display());
    }
}

impl<'a> Visit<'a> for Functions<'_> {
    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        self.check(&item.sig.ident, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        self.check(&item.sig.ident, &item.block);
        visit::visit_impl_item_fn(self, item);
    }
}

#[test]
fn no_line_of_the_published_crates_is_too_wide() {
    let folders = CRATES.map(|name| repository().join(name).join("src"));
    let mut wide = Vec::new();
    for file in folders.iter().flat_map(|folder| files_below(folder)) {
        for (line, number) in fs::read_to_string(&file).unwrap().lines().zip(1..) {
            if line.chars().count() > WIDEST_LINE {
                wide.push(format!("{}:{number}", file.display()));
            }
        }
    }
    assert!(wide.is_empty(), "{} lines: {wide:#?}", wide.len());
}
