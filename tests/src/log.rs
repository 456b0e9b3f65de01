//! Events and spans of `tracing`, recorded for tests.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{self, ThreadId};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// An event or a span of ours.
#[derive(Debug, Clone)]
pub struct Logged {
    /// Its level, such as `WARN`.
    pub level: String,
    /// Its target.
    pub target: String,
    /// The message of an event, the name of a span.
    pub text: String,
    /// Its fields, as they are written.
    pub fields: BTreeMap<String, String>,
    /// The number of the span in which an event happened.
    pub within: Option<u64>,
    /// The number of a span.
    pub number: u64,
}

impl Logged {
    fn new(metadata: &Metadata<'_>) -> Self {
        Self {
            level: metadata.level().to_string(),
            target: metadata.target().to_owned(),
            text: metadata.name().to_owned(),
            fields: BTreeMap::new(),
            within: None,
            number: 0,
        }
    }

    /// The text of a field. Empty if there is no field of this name.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    fn is_ours(&self) -> bool {
        self.target.starts_with("counter_")
    }
}

impl Visit for Logged {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" {
            self.text = text;
        } else {
            self.fields.insert(field.name().to_owned(), text);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name().to_owned(), value.to_owned());
    }
}

/// All that was recorded.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Written>>);

#[derive(Debug, Default)]
struct Written {
    events: Vec<Logged>,
    spans: Vec<Logged>,
    entered: HashMap<ThreadId, Vec<u64>>,
}

impl Log {
    /// Records what this thread logs.
    pub fn of(run: impl FnOnce()) -> Self {
        let log = Self::default();
        tracing::subscriber::with_default(log.clone(), run);
        log
    }

    /// Records what the whole process logs, from the first call on.
    pub fn of_process() -> &'static Self {
        static LOG: OnceLock<Log> = OnceLock::new();
        LOG.get_or_init(|| {
            let log = Self::default();
            tracing::subscriber::set_global_default(log.clone()).expect("it is the only one");
            log
        })
    }

    /// The events so far.
    pub fn events(&self) -> Vec<Logged> {
        self.0
            .lock()
            .expect("no panic")
            .events
            .iter()
            .filter(|logged| logged.is_ours())
            .cloned()
            .collect()
    }

    /// The spans so far.
    pub fn spans(&self) -> Vec<Logged> {
        self.0
            .lock()
            .expect("no panic")
            .spans
            .iter()
            .filter(|logged| logged.is_ours())
            .cloned()
            .collect()
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut logged = Logged::new(attributes.metadata());
        attributes.record(&mut logged);
        let mut written = self.0.lock().expect("no panic");
        logged.number = written.spans.len() as u64 + 1;
        let id = Id::from_u64(logged.number);
        written.spans.push(logged);
        id
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut written = self.0.lock().expect("no panic");
        let index = written.spans.iter().position(|logged| logged.number == span.into_u64());
        values.record(&mut written.spans[index.expect("a span of this log")]);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut logged = Logged::new(event.metadata());
        event.record(&mut logged);
        let mut written = self.0.lock().expect("no panic");
        let entered = written.entered.get(&thread::current().id());
        logged.within = entered.and_then(|spans| spans.last().copied());
        written.events.push(logged);
    }

    fn enter(&self, span: &Id) {
        let mut written = self.0.lock().expect("no panic");
        written.entered.entry(thread::current().id()).or_default().push(span.into_u64());
    }

    fn exit(&self, _: &Id) {
        let mut written = self.0.lock().expect("no panic");
        written.entered.entry(thread::current().id()).or_default().pop();
    }
}
