//! What other programs write, in Redis.

use counter_diesel::error::one_line;
use counter_diesel::{Owner, SyncOptions};
use counter_tests::fixtures::{bucket_of, views_of};
use counter_tests::servers::redis::{bare, shared_url};
use counter_tests::suite::Case;
use counter_tests::world::World;

use super::{day, rows};

pub(super) const CASES: &[Case<World>] = &[
    ("what another program counts under the names of the wire format is synced", |world| {
        let (prefix, mut redis) = (&world.prefix, bare(&shared_url()));
        let total = format!("{prefix}post:1:views");
        let names = ["day:2026-11-28", "hour:2026-11-28T14", "quarter:2026-Q4"]
            .map(|period| format!("{prefix}{{{total}}}:{period}"));
        let mut all = ::redis::pipe();
        all.atomic().cmd("INCRBY").arg(&total).arg(3).ignore();
        for name in &names {
            all.cmd("INCRBY").arg(name).arg(3).ignore();
        }
        let () = all.query(&mut redis).unwrap();
        let report = world.counters().sync(&SyncOptions::default()).unwrap();
        assert!(report.is_clean() && report.applied == 4, "{report:?}");
        let buckets = ["day:2026-11-28", "hour:2026-11-28T14", "quarter:2026-Q4"]
            .map(|period| bucket_of(&views_of(1), period));
        assert_eq!(rows(world, &buckets), [3; 3]);
        assert_eq!(rows(world, &[views_of(1)]), [3]);
        let left: i64 = ::redis::cmd("EXISTS").arg(&names).arg(&total).query(&mut redis).unwrap();
        assert_eq!(left, 0);
    }),
    ("a label that no period has is reported and left as it is", |world| {
        let (prefix, mut redis) = (&world.prefix, bare(&shared_url()));
        let of_views = |rest: &str| format!("{prefix}{{{prefix}post:1:views}}{rest}");
        let names = [
            of_views(":day:2026-02-31"),
            of_views(":week:2026-W54"),
            of_views(":month:2026-1"),
            of_views(":2026-11-28:day"),
            of_views(":day:2026-11-28:claim:claim"),
            of_views(":year:0999"),
            format!("{prefix}post:1:views:day:2026-11-28"),
            format!("{prefix}post:1:views@day:2026-11-28"),
        ];
        for name in &names {
            let () = ::redis::cmd("SET").arg(name).arg(5).query(&mut redis).unwrap();
        }
        world.store.increment(&day(&views_of(1)), 1).unwrap();
        let report = world.counters().sync(&SyncOptions::default()).unwrap();
        let mut foreign =
            report.foreign.iter().map(|foreign| foreign.name.clone()).collect::<Vec<_>>();
        foreign.sort();
        let mut expected = names.to_vec();
        expected.sort();
        assert_eq!((foreign, report.applied), (expected, 1), "{report:?}");
        for name in names {
            let value: i64 = ::redis::cmd("GET").arg(name).query(&mut redis).unwrap();
            assert_eq!(value, 5);
        }
    }),
    ("a value that is no count is named by the bucket's name, and the rest is synced", |world| {
        let mut redis = bare(&shared_url());
        let ids = [views_of(1), day(&views_of(1)), bucket_of(&views_of(1), "year:2026")];
        let names = [world.prefix.pending_name(&ids[1]), world.prefix.claim_name(&ids[2])];
        ids.iter().for_each(|id| world.store.increment(id, 2).unwrap());
        for name in &names {
            let () = ::redis::cmd("SET").arg(name).arg("text").query(&mut redis).unwrap();
        }
        let report = world.counters().sync(&SyncOptions::default()).unwrap();
        let mut foreign =
            report.foreign.iter().map(|foreign| foreign.name.clone()).collect::<Vec<_>>();
        foreign.sort();
        let mut names = names.to_vec();
        names.sort();
        assert_eq!(foreign, names, "{report:?}");
        assert_eq!(rows(world, &ids), [2, 0, 0]);
    }),
    ("a set of many leaves out what holds something else, and sets the others", |world| {
        let mut redis = bare(&shared_url());
        let counters = world.counters();
        let total = world.prefix.pending_name(&views_of(2));
        let () = ::redis::cmd("SET").arg(&total).arg("text").query(&mut redis).unwrap();
        let posts = [1, 2, 3].map(|id| Owner::new("post", id).unwrap());
        let set = counters.set_many(posts.iter().map(|post| (post, "views", 7))).unwrap();
        assert!(set[0].is_ok() && set[2].is_ok(), "{set:?}");
        let Err(error) = &set[1] else { panic!("{set:?}") };
        assert!(error.is_not_counted(), "{error:?}");
        assert!(error.to_string().contains("set") && one_line(error).contains(&total), "{error:?}");
        assert_eq!(rows(world, &[views_of(1), views_of(2), views_of(3)]), [7, 0, 7]);
        let text: String = ::redis::cmd("GET").arg(&total).query(&mut redis).unwrap();
        assert_eq!(text, "text");
    }),
];
