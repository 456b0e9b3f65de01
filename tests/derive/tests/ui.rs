//! Each program in `tests/ui` has the mistake that it is named after. The file beside it holds the
//! compiler's messages. `TRYBUILD=overwrite cargo test -p counter-derive-tests --test ui` rewrites
//! it.

#[test]
fn every_mistake_is_pointed_out_with_what_to_do_about_it() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
