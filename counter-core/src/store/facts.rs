//! Facts about a store and its server, found without changing anything.

use std::fmt;

use crate::names::Foreign;
use crate::protocol::{ClaimSeq, Generation};

/// The answer to one question about a server.
///
/// Where the server may refuse, the answer is a `Result`: [`Fact::Known`] of an `Err` holds the
/// words in which it refused, and [`Fact::Unknown`] means that there was no answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Fact<T> {
    /// Not applicable, or not queried.
    #[default]
    None,
    /// The server's answer.
    Known(T),
    /// Queried, but not answered, for this reason. The text may come from the server.
    Unknown(String),
}

impl<T> Fact<T> {
    /// Returns the answer, if there is one.
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Known(answer) => Some(answer),
            Self::None | Self::Unknown(_) => None,
        }
    }

    /// Replaces the answer by what follows from it.
    pub fn map<U>(self, follow: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Self::None => Fact::None,
            Self::Known(answer) => Fact::Known(follow(answer)),
            Self::Unknown(why) => Fact::Unknown(why),
        }
    }

    /// Returns why there is no answer to a question that was asked.
    pub fn why_unknown(&self) -> Option<&str> {
        match self {
            Self::Unknown(why) => Some(why),
            Self::None | Self::Known(_) => None,
        }
    }
}

impl<T, E: fmt::Display> From<Result<T, E>> for Fact<T> {
    fn from(answer: Result<T, E>) -> Self {
        match answer {
            Ok(answer) => Self::Known(answer),
            Err(why) => Self::Unknown(why.to_string()),
        }
    }
}

/// A server's product, and its version as the server writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerVersion {
    /// Such as `Redis` or `PostgreSQL`.
    pub product: String,
    /// Such as `7.0.15`, with whatever the server adds to it.
    pub number: String,
}

impl ServerVersion {
    /// The first two numbers of the version, 0 where there is none.
    ///
    /// ```
    /// # use counter_core::ServerVersion;
    /// let (product, number) = ("PostgreSQL".to_owned(), "17beta1 (Debian)".to_owned());
    /// let server = ServerVersion { product, number };
    /// assert_eq!(server.release(), (17, 0));
    /// ```
    pub fn release(&self) -> (u32, u32) {
        let mut numbers = self.number.split('.').map(|part| {
            let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            part.get(..end).and_then(|digits| digits.parse().ok()).unwrap_or(0)
        });
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.product, self.number)
    }
}

/// Facts that a store reports about itself and its server: see [`InspectStore::inspect`].
///
/// [`InspectStore::inspect`]: crate::InspectStore::inspect
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct StoreFacts {
    /// The server's product and version.
    pub server: Fact<ServerVersion>,
    /// Its memory: the use, the limit, and the policy at the limit.
    pub memory: Fact<MemoryFacts>,
    /// How it writes to its disk.
    pub persistence: Fact<PersistenceFacts>,
    /// When the append-only file reaches the disk: `always`, `everysec` or `no`.
    pub append_fsync: Fact<String>,
    /// When snapshots are made, as the server writes it; empty for never.
    pub snapshots: Fact<String>,
    /// Whether it is a replica of another server.
    pub is_replica: Fact<bool>,
    /// Whether it is one node of a cluster, which keeps only some of the names.
    pub in_cluster: Fact<bool>,
    /// The cluster, if the store has its names in one.
    pub cluster: Fact<ClusterFacts>,
    /// The sentinels that name the server, if the store follows such a one.
    pub sentinel: Fact<SentinelFacts>,
    /// The number of replicas that are connected to the server.
    pub replicas: Fact<u64>,
    /// The number of replicas that must be connected for the server to take writes. Queried only
    /// where another server may take the place of this one.
    pub min_replicas: Fact<u64>,
    /// Whether the server would count an increment of this user now: `Err` with its words if it
    /// refuses.
    pub increments: Fact<Result<(), String>>,
    /// The commands of a sync that this user may not run, as far as the server says: `Err` with its
    /// words if the user may run no scripts at all.
    pub missing_rights: Fact<Result<Vec<String>, String>>,
    /// Its clock beside this machine's.
    pub clock: Fact<ClockReading>,
    /// The generation of its data, if it has one already, with the newest sequence given out.
    pub generation: Fact<Option<Generation>>,
    /// The newest sequence given out, also where there is no generation yet.
    pub high_water: Fact<ClaimSeq>,
    /// Names that the store needs for itself and that hold something else.
    pub occupied_names: Vec<Foreign>,
}

/// Facts about the cluster in which a store has its names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ClusterFacts {
    /// The slot of the prefix, in which all names are; that of the id of the data where the
    /// prefix has no tag.
    pub slot: u16,
    /// The address of the master that has the slot.
    pub owner: Option<String>,
    /// The number of nodes that have slots, with their replicas.
    pub nodes: u64,
    /// Whether the slot is on its way to another master; any slot of the master where the prefix
    /// has no tag.
    pub is_moving: Fact<bool>,
    /// Whether one slot without a master stops all others.
    pub full_coverage: Fact<bool>,
    /// The other masters, where the prefix has no tag: the address of each, and the facts that it
    /// reported. Their generation is that of the first, and not asked for.
    pub others: Vec<(String, Fact<StoreFacts>)>,
}

/// The answers of the sentinels that name a store's server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SentinelFacts {
    /// The name under which they watch the master.
    pub master_name: String,
    /// The address of the master that the store follows.
    pub master: Option<String>,
    /// The number of sentinels: those in the URL, or all that one of them knows if that is more.
    pub known: u64,
    /// Those in the URL that named no master, each with the reason.
    pub silent: Vec<(String, String)>,
    /// Those in the URL that named a master, each with the address that it named.
    pub named: Vec<(String, String)>,
}

/// Events that a store has noticed by itself: see [`InspectStore::notices`].
///
/// [`InspectStore::notices`]: crate::InspectStore::notices
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct StoreNotices {
    /// The number of claims that this store has handed out though no replica had confirmed them,
    /// because the server had none. It only rises.
    pub unconfirmed: u64,
    /// The answers of the sentinels, if none named a master when they were asked
    /// last.
    pub sentinels_silent: Option<String>,
}

/// A server's memory, in bytes. By default nothing is in use, without a limit or a policy.
///
/// As with [`StoreFacts`], a store of your own begins with the default and sets what it knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MemoryFacts {
    /// In use.
    pub used: u64,
    /// The most that it may use; 0 for as much as there is.
    pub limit: u64,
    /// The policy at the limit: `noeviction`, `allkeys-lru` and so on.
    pub policy: String,
    /// How many names, of whatever kind, it has evicted since it was started.
    pub evicted: u64,
}

/// How a server writes to its disk. By default it keeps no append-only file, and nothing has
/// failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PersistenceFacts {
    /// Whether it keeps an append-only file.
    pub append_only: bool,
    /// Whether its last attempts to write that file and a snapshot succeeded, as far as it made
    /// any.
    pub last_write_ok: bool,
}

impl Default for PersistenceFacts {
    fn default() -> Self {
        Self { append_only: false, last_write_ok: true }
    }
}

/// A server's clock, read between two looks at this machine's. All in microseconds since the Unix
/// epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockReading {
    /// This machine's before the server was asked.
    pub before: i64,
    /// The server's.
    pub server: i64,
    /// This machine's after the server had answered.
    pub after: i64,
}

impl ClockReading {
    /// By how many microseconds the server's clock is certainly ahead of this machine's, or behind
    /// it where negative. However slow the answer was, clocks that agree give 0.
    pub fn difference(&self) -> i64 {
        if self.server > self.after {
            self.server.saturating_sub(self.after)
        } else {
            self.server.saturating_sub(self.before).min(0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_differ_only_by_what_a_slow_answer_does_not_explain() {
        let difference = |server| ClockReading { before: 100, server, after: 200 }.difference();
        assert_eq!([100, 150, 200].map(difference), [0, 0, 0]);
        assert_eq!(difference(260), 60);
        assert_eq!(difference(40), -60);
        let extreme = ClockReading { before: i64::MAX, server: i64::MIN, after: i64::MAX };
        assert_eq!(extreme.difference(), i64::MIN);
    }

    #[test]
    fn the_release_is_read_from_whatever_a_server_calls_its_version() {
        for (number, release) in [
            ("7.0.15", (7, 0)),
            ("15.18 (Debian 15.18-0+deb12u1)", (15, 18)),
            ("10.11.19-MariaDB-0+deb12u1", (10, 11)),
            ("17beta1", (17, 0)),
            ("", (0, 0)),
            ("unknown", (0, 0)),
            ("99999999999.1", (0, 1)),
        ] {
            let server = ServerVersion { product: String::new(), number: number.to_owned() };
            assert_eq!(server.release(), release, "{number}");
        }
    }
}
