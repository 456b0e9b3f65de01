//! A name in the store is a counter's, or the store's own, and is written back the same; or it
//! belongs to none.
#![no_main]

use counter_core::{CounterId, OwnerId, Period, Prefix, StoreName};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|name: &str| {
    if let Ok(id) = name.parse::<CounterId>() {
        assert_eq!(id.as_str(), name);
        let total = CounterId::new(id.owner_type(), id.owner_id(), id.key()).expect("its parts are");
        let again = match id.period() {
            Some(period) => total.within(period).expect("its period is"),
            None => total.clone(),
        };
        assert_eq!((&again, total), (&id, id.total()));
    }
    // An owner's id is written as it was read; a text itself is another's or the same.
    if let Ok(id) = name.parse::<OwnerId>() {
        assert_eq!(id.to_string(), name);
    }
    if let Ok(id) = CounterId::new("post", name, "views") {
        assert_eq!(id.owner_id().as_text(), Some(name));
        assert_eq!(id.as_str().parse().as_ref(), Ok(&id));
    }
    if let Ok(period) = name.parse::<Period>() {
        assert_eq!(period.to_string(), name);
        assert_eq!(Period::starting(period.grain(), period.start()), Ok(period));
        assert!(period.previous() < period && period.start() < period.end());
    }
    for prefix in ["counter:", "a*[{tag}\\:", ":"] {
        let prefix: Prefix = prefix.parse().expect("it is a prefix");
        for name in [
            name.to_owned(),
            format!("{prefix}{name}"),
            format!("{prefix}{{{prefix}{name}}}"),
            format!("{prefix}{{{prefix}post:1:views}}{name}"),
            format!("{prefix}{{{prefix}post:1:views}}:{name}:claim"),
            format!("{prefix}{{{prefix}{name}}}:day:2026-11-28"),
        ] {
            let written = prefix.parse_name(&name).map(|parsed| match parsed {
                StoreName::Pending(id) => prefix.pending_name(&id),
                StoreName::Claim(id) => prefix.claim_name(&id),
                StoreName::Newest(id) => prefix.newest_name(&id),
                StoreName::HighWater => prefix.high_water_name(),
                StoreName::Generation => prefix.generation_name(),
                StoreName::GivenOut => prefix.given_out_name(),
                StoreName::Marks => prefix.marks_name(),
                StoreName::Dirty(hash) => format!("{prefix}{{dirty:{hash}}}"),
                StoreName::Scanned => prefix.scanned_name(),
            });
            assert!(written.is_none_or(|written| written == name), "{name:?}");
        }
    }
});
