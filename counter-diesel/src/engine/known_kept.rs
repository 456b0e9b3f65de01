use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::NaiveDateTime;
use counter_core::{CounterId, CounterKey, Grain, OwnerType};

use super::floor::Floor;

/// How long a process relies on what it has read.
const A_MINUTE: Duration = Duration::from_secs(60);

/// How long a process relies on the existence of rows that it has seen or made.
const AN_HOUR: Duration = Duration::from_secs(3600);

/// Maximum number of keys that are remembered. The others are read again.
const MOST_KEYS: usize = 10_000;

/// A grain of a key.
pub(crate) type OfGrain = (OwnerType, CounterKey, Grain);

/// What a process knows of since when buckets are kept.
///
/// A panic while a part of it is locked leaves no half-done change.
#[derive(Debug, Default)]
pub(crate) struct KnownKept {
    read: Mutex<Read>,
    noted: Mutex<Noted>,
}

/// What was read.
#[derive(Debug, Default)]
struct Read {
    floors: HashMap<OfGrain, (Instant, Floor)>,
    /// How often it was forgotten.
    generation: u64,
}

/// The grains that have rows, as far as this process knows, by type and key.
#[derive(Debug, Default)]
struct Noted {
    grains: HashMap<String, HashMap<String, Vec<Grain>>>,
    keys: usize,
    /// Until then no rows are made, because the table could not be read.
    paused_until: Option<Instant>,
    /// When the first of these grains was remembered.
    since: Option<Instant>,
}

impl KnownKept {
    /// Returns what was read in the last minute, or else what to [remember](Self::remember) with
    /// what is read now.
    pub(crate) fn read(&self, of: &OfGrain) -> Result<Floor, Asked> {
        let read = self.locked_read();
        match read.floors.get(of) {
            Some((at, floor)) if at.elapsed() < A_MINUTE => Ok(floor.clone()),
            _ => Err(Asked { at: Instant::now(), generation: read.generation }),
        }
    }

    /// Remembers what was read since, unless everything was forgotten meanwhile.
    pub(crate) fn remember(&self, of: OfGrain, floor: Floor, asked: Asked) {
        let mut read = self.locked_read();
        if read.generation != asked.generation {
            return;
        }
        if read.floors.len() >= MOST_KEYS {
            read.floors.clear();
        }
        read.floors.insert(of, (asked.at, floor));
    }

    /// Forgets everything that was read, because this process has changed some of it.
    pub(crate) fn forget(&self) {
        let mut read = self.locked_read();
        read.floors.clear();
        read.generation += 1;
    }

    /// Returns the grains of keys among these buckets that may have no row yet, each with the start
    /// of the newest bucket.
    pub(crate) fn not_noted<'a>(
        &self,
        ids: impl Iterator<Item = &'a CounterId>,
    ) -> Vec<(OfGrain, NaiveDateTime)> {
        let mut unknown = Vec::<(OfGrain, NaiveDateTime)>::new();
        let mut noted = self.locked_noted();
        if noted.since.is_some_and(|since| since.elapsed() >= AN_HOUR) {
            // The database may have been restored from before the rows were made.
            *noted = Noted::default();
        }
        if noted.paused_until.is_some_and(|until| Instant::now() < until) {
            return unknown;
        }
        for id in ids {
            let Some(period) = id.period() else { continue };
            let grain = period.grain();
            let (of_type, of_key) = (id.owner_type(), id.key());
            if noted.has(&of_type, &of_key, grain) {
                continue;
            }
            // These texts come from an id, so they are valid.
            let (Ok(owner_type), Ok(key)) =
                (OwnerType::new(of_type.into_owned()), CounterKey::new(of_key.into_owned()))
            else {
                continue;
            };
            let one = (owner_type, key, grain);
            match unknown.iter_mut().find(|(other, _)| *other == one) {
                Some((_, newest)) => *newest = period.start().max(*newest),
                None => unknown.push((one, period.start())),
            }
        }
        unknown
    }

    /// Remembers that a grain of a key has a row.
    pub(crate) fn note(&self, owner_type: &OwnerType, key: &CounterKey, grain: Grain) {
        let mut noted = self.locked_noted();
        if noted.keys >= MOST_KEYS {
            *noted = Noted::default();
        }
        let of_type = noted.grains.entry(owner_type.as_str().to_owned()).or_default();
        of_type.entry(key.as_str().to_owned()).or_default().push(grain);
        noted.keys += 1;
        noted.since.get_or_insert_with(Instant::now);
    }

    /// Waits a minute before any row is made again.
    pub(crate) fn pause(&self) {
        self.locked_noted().paused_until = Instant::now().checked_add(A_MINUTE);
    }

    fn locked_read(&self) -> MutexGuard<'_, Read> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn locked_noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When it was asked what is kept, and how often everything was forgotten before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    at: Instant,
    generation: u64,
}

impl Noted {
    fn has(&self, owner_type: &str, key: &str, grain: Grain) -> bool {
        let keys = self.grains.get(owner_type);
        keys.and_then(|keys| keys.get(key)).is_some_and(|grains| grains.contains(&grain))
    }
}
