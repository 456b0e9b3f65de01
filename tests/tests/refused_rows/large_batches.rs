use std::num::NonZeroUsize;

use counter_diesel::{Owner, SyncOptions};
use counter_tests::suite::Case;
use counter_tests::world::World;

use super::{Kind, execute, kind_of};

pub const CASES: &[Case<World>] =
    &[("a batch of the longest names goes through a server's smallest packets", |world| {
        if kind_of(world) == Kind::Mysql {
            // For connections that begin later.
            execute(world, "SET GLOBAL max_allowed_packet = 1048576");
        }
        // Four bytes for each character, which JSON writes as six.
        let owner_type = "\u{1F980}".repeat(255);
        let key = "\u{1F980}".repeat(100);
        let counters = world.counters();
        let owner = |n| Owner::new(owner_type.clone(), n).unwrap();
        (0..3000).for_each(|n| counters.increment(owner(n), key.clone(), 1).unwrap());
        let options = SyncOptions::default().batch_size(NonZeroUsize::new(10_000).unwrap());
        let report = counters.sync(&options).unwrap();
        assert!(report.is_clean() && report.applied == 3000, "{report}");
    })];
