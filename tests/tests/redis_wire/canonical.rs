//! The scripts decide by rules of their own what is a count and what is a claim. They have to be
//! those of the library, which a look applies.

use std::time::Duration;

use counter_core::{Claimed, DeltaStore};
use counter_tests::fixtures::downloads_of;

use super::Setting;

fn candidates() -> Vec<String> {
    let limits: [i128; 9] = [
        0,
        1,
        9,
        1 << 53,
        10_i128.pow(18),
        9_223_372_036_000_000_000,
        1 << 63,
        10_i128.pow(19),
        1 << 64,
    ];
    let near = |limit: i128| (-12..=12).map(move |offset| limit + offset);
    let numbers = limits.into_iter().flat_map(near).flat_map(|number| [number, -number]);
    let plain = numbers.map(|number| number.to_string());
    let twisted = plain.flat_map(|number| {
        let padded = [format!("0{number}"), format!("{number} "), format!("+{number}")];
        let other = [format!("{number}\0"), format!("{number}\n"), format!("-{number}")];
        [number].into_iter().chain(padded).chain(other)
    });
    let odd = ["", "-", "--1", "1e3", "0x10", "٣", "1_000", "nan", "inf", "1.", ".5"];
    twisted.chain(odd.map(str::to_owned)).collect()
}

/// Scripts write a sequence in two parts.
#[test]
fn scripts_write_sequences_as_the_library_does() {
    let mut setting = Setting::new();
    let near = |number: i64| number - 2..=number + 2;
    let greatest = (1 << 53) - 1;
    let limits = [3, 999_999, 10_000_000, 1_764_510_000_000_000, 9_007_199_253_999_999];
    let mut sequences = limits.into_iter().flat_map(near).collect::<Vec<_>>();
    sequences.extend([0, -1, -1_764_510_000_000_000, greatest - 1, greatest]);
    let script = concat!(
        include_str!("../../../counter-core/src/redis/steps/count.lua"),
        include_str!("../../../counter-core/src/redis/steps/sequence.lua"),
        "local written = {} \
         for i = 1, #ARGV - 2 do written[i] = format_sequence(tonumber(ARGV[i])) end \
         return written",
    );
    let script = redis::Script::new(script);
    let mut call = script.arg(&sequences);
    let written: Vec<String> = call.arg(greatest).arg(greatest).invoke(&mut setting.bare).unwrap();
    assert_eq!(written, sequences.iter().map(ToString::to_string).collect::<Vec<_>>());
}

#[test]
fn scripts_and_library_agree_on_what_is_a_count() {
    let mut setting = Setting::new();
    let candidates = candidates();
    let ids: Vec<_> = (1..).take(candidates.len()).map(downloads_of).collect();
    for (id, text) in ids.iter().zip(&candidates) {
        setting.set(format!("counter:{id}"), text);
    }
    let look = setting.store.look(&ids).unwrap();
    let claimed = setting.store.claim(&ids, Duration::ZERO).unwrap();
    let mut counts = 0;
    for ((held, claimed), text) in look.held.iter().zip(&claimed).zip(&candidates) {
        let agreed = match (held, claimed) {
            (Ok(held), Claimed::Zero) => held.pending == 0,
            (Ok(held), Claimed::Fresh(claim)) => {
                claim.text().ends_with(&format!(":add:{}", held.pending))
            }
            (Err(looked), Claimed::Foreign(claimed)) => looked == claimed,
            _ => false,
        };
        assert!(agreed, "{text:?}: {held:?} but {claimed:?}");
        counts += usize::from(held.is_ok());
    }
    assert!(counts > 200, "{counts}");
}

#[test]
fn scripts_and_library_agree_on_what_is_a_claim() {
    let mut setting = Setting::new();
    let numbers = candidates();
    let sequences = numbers.iter().map(|seq| format!("{seq}:add:5"));
    let values =
        numbers.iter().flat_map(|value| ["add", "set", "del"].map(|op| format!("7:{op}:{value}")));
    let odd = ["7:add", "7::5", ":add:5", "7:ADD:5", "7:add :5", "7:add:5:6", "7 :add:5", "add:5"];
    let candidates: Vec<_> = sequences.chain(values).chain(odd.map(str::to_owned)).collect();
    let ids: Vec<_> = (1..).take(candidates.len()).map(downloads_of).collect();
    for (id, text) in ids.iter().zip(&candidates) {
        setting.set(format!("counter:{{counter:{id}}}"), text);
    }
    let look = setting.store.look(&ids).unwrap();
    let claimed = setting.store.claim(&ids, Duration::ZERO).unwrap();
    let mut claims = 0;
    for ((held, claimed), text) in look.held.iter().zip(&claimed).zip(&candidates) {
        let agreed = match (held, claimed) {
            (Ok(held), Claimed::Recovered(claim)) => held.claim.as_ref() == Some(claim),
            (Err(looked), Claimed::Foreign(claimed)) => looked == claimed,
            _ => false,
        };
        assert!(agreed, "{text:?}: {held:?} but {claimed:?}");
        claims += usize::from(held.is_ok());
    }
    assert!(claims > 400, "{claims}");
}
