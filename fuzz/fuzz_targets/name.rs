//! A name in the store is a counter's, or the store's own, and is written back the same; or it is nobody's.
#![no_main]

use counter_core::{CounterId, OwnerId, Prefix, StoreName};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|name: &str| {
    if let Ok(id) = name.parse::<CounterId>() {
        assert_eq!(id.as_str(), name);
        let again = CounterId::new(id.owner_type(), id.owner_id(), id.key());
        assert_eq!(again.as_ref(), Ok(&id));
    }
    // An owner's id is written as it was read; a text itself is another's or the same.
    if let Ok(id) = name.parse::<OwnerId>() {
        assert_eq!(id.to_string(), name);
    }
    if let Ok(id) = CounterId::new("post", name, "views") {
        assert_eq!(id.owner_id().as_text(), Some(name));
        assert_eq!(id.as_str().parse().as_ref(), Ok(&id));
    }
    for prefix in ["counter:", "a*[{tag}\\:", ":"] {
        let prefix: Prefix = prefix.parse().expect("it is a prefix");
        for name in
            [name.to_owned(), format!("{prefix}{name}"), format!("{prefix}{{{prefix}{name}}}")]
        {
            let written = prefix.parse_name(&name).map(|parsed| match parsed {
                StoreName::Pending(id) => prefix.pending_name(&id),
                StoreName::Claim(id) => prefix.claim_name(&id),
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
