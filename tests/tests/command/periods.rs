use counter_core::CounterId;
use counter_tests::fixtures::bucket_of;
use counter_tests::suite::Case;
use counter_tests::world::World;
use serde_json::json;

use super::json_shapes::assert_documented;

pub(super) const CASES: &[Case<World>] = &[
    ("a series is printed in lines, as CSV and as JSON", |world| {
        count(world, &[("day:2026-11-01", 1), ("day:2026-11-03", 12)]);
        let series = |more: &[&'static str]| {
            let arguments = ["series", "post:42", "views", "--during", "2026-11"];
            [&arguments[..], more].concat()
        };
        let lines = world.output_of(&series(&[]));
        assert_eq!(lines.lines().count(), 30, "{lines}");
        assert!(lines.starts_with(" 1  2026-11-01\n 0  2026-11-02\n12  2026-11-03\n 0"), "{lines}");
        let csv = world.output_of(&series(&["--csv", "--by", "week"]));
        let weeks = "period,count\n2026-W44,1\n2026-W45,12\n2026-W46,0\n2026-W47,0\n2026-W48,0\n\
                     2026-W49,0\n";
        assert_eq!(csv, weeks);
        let found = world.json_of(&series(&["--by", "month"]));
        let counts = json!([{
            "period": "2026-11", "starts_at": "2026-11-01T00:00:00",
            "ends_at": "2026-12-01T00:00:00", "value": 13
        }]);
        assert_eq!(
            (&found["counts"], &found["sum"], &found["step"]),
            (&counts, &json!(13), &json!("month"))
        );
        let last = world.json_of(&["series", "post:42", "views", "--last", "2y"]);
        assert_eq!(last["counts"].as_array().map(Vec::len), Some(2), "{last}");
        for (wrong, code) in [
            (series(&["--by", "hour"]), 1),
            (series(&["--csv", "--json"]), 2),
            (series(&["--by", "fortnight"]), 2),
            (series(&["--by", "year"]), 2),
            (series(&["--years-from", "13"]), 2),
            (series(&["--weeks-from", "someday"]), 2),
            (series(&["--zone", "Mars"]), 2),
            (vec!["series", "post:42", "views"], 2),
            (vec!["series", "post:42", "views", "--last", "30m"], 2),
            (vec!["series", "post:42", "views@day:2026-11-01", "--last", "2d"], 2),
            (vec!["series", "post:42", "nothing", "--last", "2d"], 1),
        ] {
            let ended = world.run(&wrong);
            assert_eq!((ended.code(), ended.output.as_str()), (code, ""), "{wrong:?}: {ended:?}");
        }
        let named = ["series", "post:42", "nothing", "--last", "2d", "--stored", "day"];
        assert_eq!(world.json_of(&named)["sum"], json!(0));
    }),
    ("since when a key is kept is printed and corrected", |world| {
        count(world, &[("day:2026-11-01", 1), ("day:2026-11-03", 12)]);
        world.output_of(&["sync"]);
        let kept = ["kept", "post", "views", "day"];
        assert_eq!(world.output_of(&kept), "post views by day: always\n");
        assert_eq!(world.output_of(&["kept", "post", "likes"]), "");
        let since = [&kept[..], &["--since", "2026-11-02"]].concat();
        assert_eq!(world.output_of(&since), "post views by day: since 2026-11-02T00:00\n");
        assert_documented(&world.json_of(&["kept"]));
        let series = ["series", "post:42", "views", "--during", "2026-11", "--csv"];
        let refused = world.run(&series);
        assert_eq!((refused.code(), refused.output.as_str()), (1, ""), "{refused:?}");
        assert!(refused.errors.contains("kept by day since 2026-11-02T00:00"), "{refused:?}");
        let cut = world.output_of(&[&series[..], &["--kept"]].concat());
        assert!(cut.starts_with("period,count\n2026-11-02,0\n2026-11-03,12\n"), "{cut}");
        let always = [&kept[..], &["--always"]].concat();
        assert_eq!(world.output_of(&always), "post views by day: always\n");
        for wrong in [
            &["kept", "post", "views", "--since", "2026-11-02"][..],
            &["kept", "post", "views", "day", "--since", "2026-11-31"],
            &[&since[..], &["--always"]].concat(),
            &["kept", "post", "views", "minute"],
        ] {
            assert_eq!(world.run(wrong).code(), 2, "{wrong:?}");
        }
    }),
    ("a series of an hour is that hour, and the weeks at its ends are whole ones", |world| {
        count(world, &[("hour:2026-11-01T13", 1), ("hour:2026-11-01T14", 12)]);
        let csv = |more: &[&'static str]| {
            let arguments = ["series", "post:42", "views", "--csv", "--during"];
            let printed = world.output_of(&[&arguments[..], more].concat());
            printed.strip_prefix("period,count\n").unwrap().to_owned()
        };
        assert_eq!(csv(&["2026-11-01T14"]), "2026-11-01T14,12\n");
        assert_eq!(csv(&["2026-11-01T13", "--by", "hour"]), "2026-11-01T13,1\n");
        assert_eq!(csv(&["2026-11-01", "--by", "hour"]).lines().count(), 24);
        assert_eq!(csv(&["2026-11-01"]), "2026-11-01,13\n");
        // In the west it is the day before.
        assert_eq!(csv(&["2026-10-31", "--zone", "-14:00"]), "2026-10-31,1\n");
    }),
    ("weeks, months and years of a series may begin on other days", |world| {
        count(world, &[("day:2026-03-31", 1), ("day:2026-04-01", 10), ("day:2026-11-01", 100)]);
        let csv = |more: &[&'static str]| {
            let arguments = ["series", "post:42", "views", "--csv", "--during"];
            let printed = world.output_of(&[&arguments[..], more].concat());
            printed.strip_prefix("period,count\n").unwrap().to_owned()
        };
        let years = csv(&["2026", "--by", "year", "--years-from", "4"]);
        assert_eq!(years, "2025-04-01,1\n2026-04-01,110\n");
        let weeks = csv(&["2026-11-01", "--by", "day", "--weeks-from", "sunday"]);
        assert_eq!(weeks, "2026-11-01,100\n");
        let weeks = csv(&["2026-W44", "--by", "week", "--weeks-from", "sunday"]);
        assert_eq!(weeks, "2026-10-25,0\n2026-11-01,100\n");
        let months = csv(&["2026-11", "--by", "month", "--months-from", "15"]);
        assert_eq!(months, "2026-10-15,100\n2026-11-15,0\n");
        assert_eq!(csv(&["2026-11", "--by", "month", "--years-from", "4"]), "2026-11,100\n");
    }),
    ("a period is read, set, reset and deleted apart from the total", |world| {
        count(world, &[("day:2026-11-01", 1), ("day:2026-11-02", 20)]);
        world.counters().increment(counter_tests::fixtures::post(42), "views", 500).unwrap();
        let on = |day: &'static str| ["post:42", "views", "--during", day];
        let get = |day| world.output_of(&[&["get"][..], &on(day)].concat());
        assert_eq!((get("2026-11-02"), get("2026-11")), ("20\n".to_owned(), "21\n".to_owned()));
        let set = ["set", "post:42", "views", "7", "--during", "2026-11-02"];
        assert_eq!(world.output_of(&set), "views of post:42 in 2026-11-02 is now 7\n");
        assert_eq!(get("2026-11"), "8\n");
        let reset = world.output_of(&[&["reset"][..], &on("2026-11-01")].concat());
        assert_eq!(reset, "views of post:42 in 2026-11-01 is now 0\n");
        assert_eq!(get("2026-11"), "7\n");
        let whole = world.run(&[&["reset"][..], &on("2026-11")].concat());
        assert_eq!(whole.code(), 1, "{whole:?}");
        assert!(whole.errors.contains("views in 2026-11 is a sum"), "{whole:?}");
        let deleted = world.json_of(&[&["delete"][..], &on("2026-11-02")].concat());
        assert_eq!(deleted["during"], json!("day:2026-11-02"));
        assert_eq!(get("2026-11"), "0\n");
        assert_eq!(world.output_of(&["get", "post:42", "views"]), "500\n");
    }),
    ("the owners that counted the most in a period come first", |world| {
        count(world, &[("day:2026-11-01", 1), ("day:2026-11-02", 20)]);
        let other = CounterId::new("post", 7, "views").unwrap();
        world.store.increment(&bucket_of(&other, "day:2026-11-02"), 30).unwrap();
        let top = |more: &[&'static str]| [&["top", "post", "views", "--during"], more].concat();
        assert_eq!(world.output_of(&top(&["2026-11"])), "21  post:42\n");
        world.output_of(&["sync"]);
        assert_eq!(world.output_of(&top(&["2026-11"])), "30  post:7\n21  post:42\n");
        assert_eq!(world.output_of(&top(&["2026-11-01"])), "1  post:42\n");
        assert_eq!(world.output_of(&top(&["2026-10"])), "");
        let found = world.json_of(&top(&["2026-11", "-n", "1"]));
        super::json_shapes::assert_documented(&found);
        assert_eq!(found["during"], json!("month:2026-11"));
        // If a key was counted by two grains, the command does not guess from one of them.
        world.output_of(&["set", "post:7", "views@month:2026-11", "5"]);
        let ended = world.run(&top(&["2026-11"]));
        assert_eq!((ended.code(), ended.output.as_str()), (1, ""), "{ended:?}");
        assert!(ended.errors.contains("views was counted by day and by month"), "{ended:?}");
        let by_days = world.output_of(&top(&["2026-11", "--stored", "day"]));
        assert_eq!(by_days, "30  post:7\n21  post:42\n");
    }),
    ("a bucket is named by the text of its id", |world| {
        count(world, &[("day:2026-11-01", 1), ("day:2026-11-02", 20)]);
        let key = "views@day:2026-11-02";
        assert_eq!(world.output_of(&["get", "post:42", key]), "20\n");
        let several = world.output_of(&["get", "post:42", key, "views", "views@day:2026-11-03"]);
        assert_eq!(several, format!("20  {key}\n 0  views\n 0  views@day:2026-11-03\n"));
        let set = world.output_of(&["set", "post:42", key, "7"]);
        assert_eq!(set, format!("{key} of post:42 is now 7\n"));
        world.output_of(&["reset", "post:42", "views@day:2026-11-01"]);
        assert_eq!(world.output_of(&["get", "post:42", "views", "--during", "2026-11"]), "7\n");
        world.output_of(&["delete", "post:42", key]);
        assert_eq!(world.output_of(&["get", "post:42", key]), "0\n");
        for wrong in [
            &["get", "post:42", "views@day:2026-02-31"][..],
            &["reset", "post:42", "views@day:2026-11-01", "views@week:2026-W54"],
            &["get", "post:42", key, "--during", "2026-11"],
            &["increment", "post:42", key],
            &["decrement", "post:42", key],
        ] {
            let ended = world.run(wrong);
            assert_eq!((ended.code(), ended.output.as_str()), (2, ""), "{wrong:?}: {ended:?}");
        }
    }),
];

/// Counts in buckets of the views of a post: all but 1 is in the table.
fn count(world: &World, counts: &[(&str, i64)]) {
    let total = CounterId::new("post", 42, "views").unwrap();
    let ids = counts.iter().map(|(period, count)| (bucket_of(&total, period), *count));
    let ids = ids.collect::<Vec<_>>();
    ids.iter().for_each(|(id, count)| world.store.increment(id, count - 1).unwrap());
    world.output_of(&["sync"]);
    ids.iter().for_each(|(id, _)| world.store.increment(id, 1).unwrap());
}
