//! Determines the buckets in which an increment counts, beside its total.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use counter_core::{
    Clock, Config, CounterId, CounterKey, Error as CoreError, Grain, JointIncrement, Operation,
    OwnerType, Period, Retention, SystemClock, Zone,
};

use super::floor::Floor;
use crate::error::Error;

/// No zone is further from UTC.
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A counter, the grains by which it is counted, and the zone of its days.
#[derive(Debug, Clone)]
pub(crate) struct Counted {
    pub(crate) id: CounterId,
    pub(crate) grains: &'static [Grain],
    /// Meaningless if hours are the only grain.
    pub(crate) zone: Zone,
}

/// A model whose owners are known by their type as a text, too.
#[derive(Clone)]
pub(crate) struct DeclaredModel {
    pub(crate) owner_type: OwnerType,
    /// Returns the grains by which the model counts a key.
    pub(crate) grains_of: fn(&CounterKey) -> &'static [Grain],
    /// Returns the grains by which the readings of a gauge are kept.
    pub(crate) gauge_grains_of: fn(&CounterKey) -> &'static [Grain],
    /// Whether each owner has a zone of its own.
    pub(crate) has_zone: bool,
    /// The keys that it declares.
    pub(crate) keys: &'static [CounterKey],
    /// The gauges that it declares.
    pub(crate) gauges: &'static [CounterKey],
}

impl DeclaredModel {
    /// Returns whether a key is that of a gauge.
    pub(crate) fn is_gauge(&self, key: &CounterKey) -> bool {
        self.gauges.contains(key) || !(self.gauge_grains_of)(key).is_empty()
    }

    /// Returns whether a key is one that is counted.
    pub(crate) fn is_counted(&self, key: &CounterKey) -> bool {
        self.keys.contains(key) || !(self.grains_of)(key).is_empty()
    }

    /// Returns whether a model counts some key by both of these grains.
    pub(crate) fn counts_by(&self, grains: [Grain; 2]) -> bool {
        let counts = |key: &CounterKey| {
            let counted = (self.grains_of)(key);
            grains.iter().all(|grain| counted.contains(grain))
        };
        self.keys.iter().any(counts)
    }
}

/// The facts that decide the buckets of an increment.
#[derive(Clone)]
pub(crate) struct Calendar {
    clock: Arc<dyn Clock>,
    is_of_system: bool,
    models: Vec<DeclaredModel>,
    zone: Zone,
    oldest_event: Duration,
    newest_event: Duration,
    retention: Retention,
}

impl Calendar {
    pub(crate) fn new(config: &Config) -> Self {
        let Config { zone, oldest_event, newest_event, .. } = *config;
        let (clock, is_of_system, models) = (Arc::new(SystemClock), true, Vec::new());
        let retention = config.retention.clone();
        Self { clock, is_of_system, models, zone, oldest_event, newest_event, retention }
    }

    pub(crate) fn with_clock(self, clock: impl Clock) -> Self {
        Self { clock: Arc::new(clock), is_of_system: false, ..self }
    }

    pub(crate) fn with_models(self, models: Vec<DeclaredModel>) -> Self {
        Self { models, ..self }
    }

    /// Returns the model whose owners have this type, if the builder knows one.
    pub(crate) fn declared(&self, owner_type: &OwnerType) -> Option<&DeclaredModel> {
        self.models.iter().find(|model| model.owner_type == *owner_type)
    }

    /// Returns the zone of owners that have none of their own.
    pub(crate) fn zone(&self) -> Zone {
        self.zone
    }

    /// Returns how old an event may be.
    pub(crate) fn oldest_event(&self) -> Duration {
        self.oldest_event
    }

    /// Returns what time it is. A clock beyond the calendar is at the calendar's end, where no
    /// period has a name.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        let micros = self.clock.now_micros();
        let edge = if micros < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
        DateTime::from_timestamp_micros(micros).unwrap_or(edge)
    }

    /// Returns a floor, raised to what the configured retention keeps of the buckets of a grain. If
    /// the zone is not known, days are those of UTC.
    pub(crate) fn raised(
        &self,
        floor: Floor,
        grain: Grain,
        now: DateTime<Utc>,
        zone: Option<Zone>,
    ) -> Floor {
        let zone = zone.filter(|_| grain != Grain::Hour).unwrap_or_default();
        let first_kept = |grain| self.retention.first_kept(grain, zone.to_civil(now));
        let mut floor = floor.raised(first_kept(grain), self.retention.rolled_up(grain));
        for (longer, _) in self.retention.kept().filter(|(longer, _)| *longer > grain) {
            if let Some(first_kept) = first_kept(longer) {
                let into = self.retention.rolled_up(longer);
                floor = floor.raised_for(longer, first_kept.start(), into);
            }
        }
        floor
    }

    /// Returns the start of the first period of a grain in which something may still be counted:
    /// the oldest event that is accepted may be in it, in whichever zone.
    pub(crate) fn first_open(&self, grain: Grain) -> NaiveDateTime {
        let oldest = earlier(self.now(), self.oldest_event.saturating_add(A_DAY));
        Period::containing(grain, oldest.naive_utc()).start()
    }

    /// Returns whether the present is that of the system's clock.
    pub(crate) fn is_of_system(&self) -> bool {
        self.is_of_system
    }

    /// Returns how far back the store may hold readings without rows.
    pub(crate) fn recent(&self) -> Recent {
        let now = self.now();
        let (until, oldest_event) = (later(now, self.newest_event), self.oldest_event);
        Recent { now, until, oldest_event }
    }

    /// Returns when an increment happens: now, or when its event did if that is not too long ago
    /// nor in the future.
    pub(crate) fn instant(&self, event: Option<DateTime<Utc>>) -> Result<DateTime<Utc>, Error> {
        let now = self.now();
        let Some(at) = event else { return Ok(now) };
        let (oldest, newest) = (earlier(now, self.oldest_event), later(now, self.newest_event));
        if at < oldest {
            Err(Error::TooLate { at, oldest })
        } else if at > newest {
            Err(Error::TooEarly { at, newest })
        } else {
            Ok(at)
        }
    }
}

/// How far back the store may hold readings without rows: as far as late ones are accepted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recent {
    pub(crate) now: DateTime<Utc>,
    /// No reading is of a later instant.
    pub(crate) until: DateTime<Utc>,
    /// No older reading is recorded.
    pub(crate) oldest_event: Duration,
}

impl Recent {
    /// Returns how many periods of a grain are in that time.
    pub(crate) fn periods(self, grain: Grain) -> usize {
        let one = Period::containing(grain, DateTime::<Utc>::UNIX_EPOCH.naive_utc());
        let seconds = u64::try_from((one.end() - one.start()).num_seconds()).unwrap_or(1).max(1);
        let periods = usize::try_from(self.oldest_event.as_secs() / seconds);
        // The running period, and the one that the bound cuts.
        periods.unwrap_or(usize::MAX).saturating_add(2)
    }
}

impl fmt::Debug for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calendar").field("clock", &self.clock).finish_non_exhaustive()
    }
}

/// A time too long for the calendar is one without a bound.
fn earlier(now: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    let by = TimeDelta::from_std(by).ok();
    by.and_then(|by| now.checked_sub_signed(by)).unwrap_or(DateTime::<Utc>::MIN_UTC)
}

fn later(now: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    let by = TimeDelta::from_std(by).ok();
    by.and_then(|by| now.checked_add_signed(by)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

impl Counted {
    /// Returns an increment of the counter and its buckets at an instant.
    pub(crate) fn joint(&self, at: DateTime<Utc>, by: i64) -> Result<JointIncrement, CoreError> {
        let bucket = |grain: &Grain| {
            let period = Period::at(*grain, at, self.zone);
            self.id.within(period).map_err(|outside| not_counted(&self.id, outside))
        };
        let buckets = self.grains.iter().map(bucket).collect::<Result<_, CoreError>>()?;
        Ok(JointIncrement { total: self.id.clone(), buckets, by })
    }
}

pub(crate) fn not_counted(
    id: &CounterId,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> CoreError {
    let (operation, counter) = (Operation::Increment, id.clone());
    CoreError::NotCounted { operation, counter, source: source.into() }
}
