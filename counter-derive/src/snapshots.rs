//! The code of the macro as files to read: `snapshots/<name>.in.rs` and `snapshots/<name>.out.rs`.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test -p counter-derive` rewrites the `.out.rs` files.

use std::path::{Path, PathBuf};
use std::{env, fs};

use syn::{DeriveInput, parse_quote};

#[test]
fn a_model_without_keys_gets_the_trait_and_no_enum() {
    check("no_keys");
}

#[test]
fn a_model_with_keys_gets_the_trait_and_an_enum() {
    check("keys");
}

#[test]
fn options_and_diesels_attributes_replace_the_defaults() {
    check("options");
}

#[test]
fn a_model_whose_table_is_named_has_a_column_in_queries() {
    check("table");
}

#[test]
fn a_key_of_bytes_is_declared_to_be_a_uuid() {
    check("uuid");
}

#[test]
fn lifetimes_and_where_clauses_are_those_of_the_struct() {
    check("lifetimes");
}

#[test]
fn keys_with_grains_are_known_by_a_function_of_the_trait() {
    check("grains");
}

#[test]
fn a_model_with_gauges_gets_an_enum_of_them_too() {
    check("gauges");
}

#[test]
fn a_model_with_a_field_for_its_zone_reads_the_zone_from_it() {
    check("zone");
}

#[test]
fn mistakes_about_grains_are_errors_that_say_what_to_write() {
    check("grain_mistakes");
}

#[test]
fn mistakes_are_errors_beside_a_stub_of_what_is_right() {
    check("mistakes");
}

#[test]
fn an_item_that_is_no_struct_gets_a_stub_too() {
    check("not_a_struct");
}

/// Returns the path of a snapshot.
fn file(name: &str, kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("snapshots/{name}.{kind}.rs"))
}

fn check(name: &str) {
    let actual = expansion_of(&fs::read_to_string(file(name, "in")).unwrap());
    let snapshot = file(name, "out");
    if env::var_os("UPDATE_SNAPSHOTS").is_some_and(|update| update == "1") {
        fs::write(&snapshot, &actual).unwrap();
    }
    let expected = fs::read_to_string(&snapshot).unwrap_or_default();
    assert!(
        expected == actual,
        "{} differs; if the change is meant, run this with UPDATE_SNAPSHOTS=1\n{}",
        snapshot.display(),
        diff(&expected, &actual),
    );
}

fn expansion_of(source: &str) -> String {
    let item: DeriveInput = syn::parse_str(source).unwrap();
    let expansion = crate::derive(&item, &parse_quote!(::counter_diesel));
    prettyplease::unparse(&syn::parse2(expansion).unwrap())
}

/// Returns the lines from the first difference to the last.
fn diff(expected: &str, actual: &str) -> String {
    let mut expected: Vec<_> = expected.lines().collect();
    let mut actual: Vec<_> = actual.lines().collect();
    while expected.last().is_some() && expected.last() == actual.last() {
        expected.pop();
        actual.pop();
    }
    let same = expected.iter().zip(&actual).take_while(|(a, b)| a == b).count();
    let removed = expected[same..].iter().map(|line| format!("- {line}\n"));
    let added = actual[same..].iter().map(|line| format!("+ {line}\n"));
    let place = format!("@@ line {}\n", same + 1);
    [place].into_iter().chain(removed).chain(added).collect()
}
