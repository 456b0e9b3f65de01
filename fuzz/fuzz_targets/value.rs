//! A value in the store is a claim or a delta, and is written back the same; or it is neither.
#![no_main]

use counter_core::{Claim, ClaimOp, ClaimSeq, CounterId};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|value: &str| {
    let id = CounterId::new("post", 1, "views").expect("it is an id");
    if let Ok(claim) = Claim::from_text(id, value) {
        assert_eq!(claim.text(), value);
        assert!(claim.seq > ClaimSeq::ZERO);
    }
    // A delta is decoded as what a claim adds. By another rule: what Rust writes of a number it has
    // read.
    let delta = value.parse::<i64>().ok().filter(|delta| delta.to_string() == value);
    let added = match format!("add:{value}").parse() {
        Ok(ClaimOp::Add(by)) => Some(by),
        _ => None,
    };
    assert_eq!(added, delta, "{value:?}");
});
