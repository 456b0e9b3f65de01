//! What a recorder got.

use std::collections::{BTreeMap, BTreeSet};

use counter_tests::world::World;
use metrics_util::MetricKind;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshot};

use crate::documented::Metric;

/// The metrics of a recorder by their names and labels.
#[derive(Debug)]
pub struct Recorded {
    values: BTreeMap<Key, DebugValue>,
    pub described: BTreeSet<Metric>,
}

/// A name, and labels with their values.
type Key = (String, BTreeMap<String, String>);

impl Recorded {
    /// What this records in this thread.
    pub fn of(run: impl FnOnce()) -> Self {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        metrics::with_local_recorder(&recorder, run);
        Self::from(snapshotter.snapshot())
    }

    /// The value of a counter.
    pub fn count(&self, world: &World, name: &str, labels: &[(&str, &str)]) -> Option<u64> {
        match self.value(world, name, labels)? {
            DebugValue::Counter(count) => Some(*count),
            other => panic!("{name}: {other:?}"),
        }
    }

    /// The value of a gauge.
    pub fn gauge(&self, world: &World, name: &str) -> Option<f64> {
        match self.value(world, name, &[])? {
            DebugValue::Gauge(value) => Some(value.0),
            other => panic!("{name}: {other:?}"),
        }
    }

    /// The values that a histogram got.
    pub fn observed(&self, world: &World, name: &str, labels: &[(&str, &str)]) -> Vec<f64> {
        match self.value(world, name, labels) {
            Some(DebugValue::Histogram(values)) => values.iter().map(|value| value.0).collect(),
            other => panic!("{name}: {other:?}"),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    fn value(&self, world: &World, name: &str, labels: &[(&str, &str)]) -> Option<&DebugValue> {
        let labels = labels.iter().copied().chain([("prefix", world.prefix.as_str())]);
        let labels = labels.map(|(label, value)| (label.to_owned(), value.to_owned()));
        self.values.get(&(name.to_owned(), labels.collect()))
    }
}

impl From<Snapshot> for Recorded {
    fn from(snapshot: Snapshot) -> Self {
        let (mut values, mut described) = (BTreeMap::new(), BTreeSet::new());
        for (key, unit, description, value) in snapshot.into_vec() {
            let (kind, key) = key.into_parts();
            let name = key.name().to_owned();
            let labels =
                key.labels().map(|label| (label.key().to_owned(), label.value().to_owned()));
            let labels = labels.collect::<BTreeMap<_, _>>();
            assert!(description.is_some_and(|text| text.len() > 10), "{name} is not described");
            described.insert(Metric {
                name: name.clone(),
                kind: match kind {
                    MetricKind::Counter => "counter".to_owned(),
                    MetricKind::Gauge => "gauge".to_owned(),
                    MetricKind::Histogram => "histogram".to_owned(),
                },
                unit: unit.map(|unit| unit.as_str().to_owned()).unwrap_or_default(),
                labels: labels.keys().cloned().collect(),
            });
            values.insert((name, labels), value);
        }
        Self { values, described }
    }
}
