//! Each program in `tests/ui` has the mistake that it is named after. The file beside it holds the
//! compiler's messages. `TRYBUILD=overwrite cargo test -p counter-derive-tests --test ui` rewrites
//! it.

use std::env;
use std::process::Command;

/// Where Cargo looks for the compiler's options first.
const VARIABLE: &str = "CARGO_ENCODED_RUSTFLAGS";

/// The options of trybuild. It gives the last one only when it compiles the programs, so Cargo
/// would compile everything that they depend on twice.
const OPTIONS: [&str; 5] =
    ["--cfg=trybuild", "--verbose", "-A", "dead_code", "--diagnostic-width=140"];

#[test]
fn every_mistake_is_pointed_out_with_what_to_do_about_it() {
    if env::var_os(VARIABLE).is_some() {
        return trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
    }
    let mut this_test = Command::new(env::current_exe().unwrap());
    this_test.args(env::args_os().skip(1)).env(VARIABLE, OPTIONS.join("\u{1f}"));
    assert!(this_test.status().unwrap().success(), "see above");
}
