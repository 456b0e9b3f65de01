//! The span of a sync.

use counter_diesel::SyncOptions;
use counter_tests::faults::Fault;
use counter_tests::fixtures::post;
use counter_tests::log::{Log, Logged};
use counter_tests::world::World;

use crate::Case;
use crate::scenes::{
    counted, failing_at, fill, logged_of, memory, of_prefix, sync, without_slow_steps,
};

pub const CASES: &[Case] = &[
    ("a sync is a span with what it did and all its events are inside", || {
        let world = memory();
        let counters = counted(&world);
        fill(&counters);
        let report = sync(&counters);
        let span = span_of(&world);
        assert_eq!((span.level.as_str(), span.text.as_str()), ("INFO", "counter.sync"));
        assert_eq!(span.target, "counter_diesel::sync");
        let numbers = [
            ("found", report.scanned),
            ("applied", report.applied),
            ("recovered", report.recovered),
            ("failed", report.failed.count()),
            ("conflicts", report.conflicts.count()),
            ("lost", report.lost.count()),
        ];
        for (field, number) in numbers {
            assert_eq!(span.field(field), number.to_string(), "{field}");
        }
        assert_eq!((span.field("outcome"), span.field("dry_run")), ("unclean", "false"));
        let seconds = span.field("seconds").parse::<f64>().unwrap();
        assert!(seconds >= report.elapsed.as_secs_f64(), "{span:?}");
        assert_eq!(span.fields.len(), 10, "{span:?}");
        let logged = without_slow_steps(logged_of(&world));
        assert_eq!(logged.len(), 2, "{logged:?}");
        assert!(logged.iter().all(|logged| logged.within == Some(span.number)), "{logged:?}");
    }),
    ("the span of a sync says how it was asked for", || {
        let world = memory();
        let options = SyncOptions::default().pattern("post:*".parse().unwrap()).dry_run(true);
        assert!(counted(&world).sync(&options).unwrap().is_clean());
        let span = span_of(&world);
        assert_eq!((span.field("pattern"), span.field("dry_run")), ("post:*", "true"));
        assert_eq!((span.field("outcome"), span.field("applied")), ("clean", "1"));
    }),
    ("the span of a sync that could do nothing says that it failed", || {
        let world = memory();
        failing_at(&world, "state", Fault::Before).sync(&SyncOptions::default()).unwrap_err();
        let span = span_of(&world);
        assert_eq!((span.field("outcome"), span.field("applied")), ("failed", ""));
    }),
    ("counting and reading log nothing", || {
        let world = memory();
        let counters = counted(&world);
        assert_eq!(counters.get(post(1), "views").unwrap(), 5);
        counters.set(post(1), "views", 1).unwrap();
        assert!(logged_of(&world).is_empty());
    }),
];

fn span_of(world: &World) -> Logged {
    let mut spans = of_prefix(world, Log::of_process().spans());
    assert_eq!(spans.len(), 1, "{spans:?}");
    spans.remove(0)
}
