//! Each program in `tests/ui` has the mistake that it is named after; the file beside it is what the compiler
//! says. `TRYBUILD=overwrite cargo test -p counter-derive-tests --test ui` writes those anew.

#[test]
fn every_mistake_is_pointed_out_with_what_to_do_about_it() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
