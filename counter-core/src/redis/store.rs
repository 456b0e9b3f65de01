use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use super::confirmation_rule::ConfirmationRule;
use super::connection::SocketTimeouts;
use super::index_writer::IndexWriter;
use super::inspect;
use super::server::{Connections, Server};
use super::steps::{self, Found};
use super::timeouts::RedisTimeouts;
use crate::confirmation::Confirmation;
use crate::error::Error;
use crate::id::CounterId;
use crate::names::{Foreign, Pattern, Prefix};
use crate::protocol::{Claim, ClaimSeq, Generation, NoteOutcome};
use crate::store::{
    Claimed, CountTogether, Cursor, DeltaStore, InspectStore, KeyIndex, MoveCounts, NotedRow,
    PendingIndex, Recall, RecordGauges, Repair, Replacement, ScanPage, Snapshot, StoreFacts,
    StoreGeneration, StoreNotices, StoreParts, Verdict,
};

/// A store in Redis, shared by all processes that use the same server, database number and prefix.
///
/// An increment is one `INCRBY` of `{prefix}{owner type}:{owner id}:{key}` and nothing else, so any
/// client in any language can make one. Everything that takes more than one command to be right is
/// a Lua script.
///
/// ```no_run
/// use counter_core::{CounterId, DeltaStore, RedisStore};
///
/// let store = RedisStore::builder("redis://127.0.0.1/").build()?;
/// store.increment(&CounterId::new("post", 42, "views")?, 1)?;
/// # Ok::<(), counter_core::Error>(())
/// ```
///
/// # Foreign names and values
///
/// Names and values that this library would not write are foreign. They are never changed, and
/// reported where they are found. A look does not find one kind of them: a key of another type,
/// such as a list, reads as nothing pending. An increment of it fails, and a claim reports it.
///
/// # The index
///
/// An increment that finds nothing pending gathers its counter in the process, and a thread of the
/// store names what is gathered in the [index](PendingIndex): at once after a pause, then at most
/// once a second, and when the store is dropped. So no caller waits for that. A counter that is
/// counted again before it is synced costs nothing more.
///
/// # A server that went back
///
/// Within one generation of its data, until the data is emptied, a server gives out ever newer
/// sequences. The store remembers the newest that it has seen, and claims nothing
/// ([`Error::StoreWentBack`]) from a server that knows of older ones only: it was started from an
/// old copy, and what that holds may have been counted already. Every sync first asks for the
/// [`generation`](StoreGeneration::ensure_generation), from which the store learns that another one
/// has begun.
///
/// # Sentinel
///
/// With a `redis+sentinel://` URL the store asks the sentinels for the master, in turn, and uses a
/// connection only once the server has said that it is a master. A thread asks again twice a
/// second. Name every sentinel, each by its own address: all are asked before a claim is applied.
/// When the sentinels name another master, all connections to the last one are dropped. They are
/// also dropped when a server hangs up or answers that it is a replica. While no sentinel answers,
/// the store stays with the master that was named last. Claims wait until a replica has them, while
/// the master has any.
///
/// The user and the password before the `@` are the master's. Parameters of the URL are the
/// sentinels':
///
/// - `sentinel_password` and, if it is not the default user's, `sentinel_user`;
/// - `sentinel_tls=yes` or `no`, where TLS is spoken to only one of the two.
///
/// An IPv6 address stands in brackets. A port is 26379 by default. The builder's settings are
/// those of connections to the master, but [`ca_file`] and [`tcp_keepalive`] hold for sentinels
/// too. A sentinel has 200 milliseconds for the look-up of its name and a connection, with TLS 500,
/// and 200 for an answer.
///
/// [`ca_file`]: crate::RedisStoreBuilder::ca_file
/// [`tcp_keepalive`]: crate::RedisStoreBuilder::tcp_keepalive
///
/// # Cluster
///
/// With a `redis+cluster://` URL the store asks the nodes that it names, and those that they name,
/// who has which slot, and follows each slot from node to node. The counters of a prefix are in all
/// slots, and each slot is a [part](crate::StoreParts) of the store, which makes sequences of its
/// own. Where the prefix has a tag in braces, such as `counter-{app}:`, all are in one slot: one
/// node carries them, and only then can the store [move counts](crate::MoveCounts). A
/// [look](DeltaStore::look) at many counters sees each slot at an instant of its own.
///
/// Redirections by nodes are followed for up to the
/// [read time-out](RedisTimeouts::read), and a command whose answer is lost is never sent again.
/// While a slot moves name by name, increments count and reads are exact; sets and deletes wait,
/// and fail if that takes longer. So do claims with a tag; without one, those of this slot are
/// [unavailable](Claimed::Unavailable). Claims wait for a replica while the master has any.
///
/// Each node has a pool of its own, of the size that the builder sets. The port is 6379 by default,
/// an IPv6 address stands in brackets, and the database is 0.
///
/// # What the server must allow
///
/// Redis 5 or later, or a server that does the same, and for a user with limited rights: `INCRBY`,
/// `MGET`, `GET`, `SCAN`, `HSET`, `HLEN`, `HSCAN`, `EVALSHA`, `SCRIPT LOAD`, where claims wait
/// `WAIT` or `WAITAOF`, behind Sentinel and in a cluster `ROLE`, in a cluster `CLUSTER SLOTS` and
/// `ASKING`, and inside scripts also `SET`, `MSET`, `DEL`, `EXISTS`, `TYPE`, `PTTL`, `PERSIST`,
/// `TIME`, `ZADD`, `ZRANGE`, `ZRANGEBYSCORE`, `ZREMRANGEBYRANK`, `ZSCORE`, `HGET`, `HGETALL`,
/// `HMGET` and `HDEL`; `PING` to build the store.
/// Nothing is lost if one of these is missing. A check-up sends `INFO`, `CONFIG GET`, `TIME`,
/// `TYPE` and `PTTL` too, and reports what the server refused.
pub struct RedisStore {
    server: Arc<Server>,
    /// `None` if the store does not use the index.
    index_writer: Option<IndexWriter>,
    pub(super) confirmation: ConfirmationRule,
}

impl RedisStore {
    pub(crate) fn on(
        connections: Connections,
        prefix: Prefix,
        timeouts: RedisTimeouts,
        address: String,
    ) -> Self {
        let server = Arc::new(Server::new(connections, prefix, timeouts, address));
        let (index_writer, confirmation) = (Some(IndexWriter::default()), ConfirmationRule::Never);
        Self { server, index_writer, confirmation }
    }

    pub(crate) fn confirm_by(mut self, rule: ConfirmationRule) -> Self {
        self.confirmation = rule;
        match rule {
            ConfirmationRule::Never => self,
            _ => self.with_server(Server::sight_only_confirmed_claims),
        }
    }

    /// Changes the server, which nothing else uses then.
    fn with_server(mut self, change: impl FnOnce(&mut Server)) -> Self {
        if let Some(writer) = &self.index_writer {
            writer.end_within(Duration::MAX);
        }
        if let Some(server) = Arc::get_mut(&mut self.server) {
            change(server);
        }
        self
    }

    /// Takes the outcome of an increment, and its counter for the index if that may not name it.
    fn indexed(&self, id: &CounterId, outcome: Result<Found, Error>) -> Result<(), Error> {
        if matches!(outcome, Ok(Found::Nothing) | Err(Error::OutcomeUnknown { .. })) {
            self.gather(id);
        }
        outcome.map(|_| ())
    }

    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    pub(super) fn gather(&self, id: &CounterId) {
        if let Some(writer) = &self.index_writer {
            writer.gather(&self.server, id);
        }
    }

    /// Writes what this process has not written into the index yet.
    pub(super) fn write_index(&self) {
        if let Some(writer) = &self.index_writer {
            writer.write(&self.server);
        }
    }

    /// Sets which time-outs a connection of the application's pool has when the pool gets it back:
    /// those that the pool's customizer sets, because a connection does not show what it has.
    /// Default: none, which is how the crates make connections. The store's own pool needs none of
    /// that.
    #[must_use]
    pub fn restore_timeouts(self, read: Option<Duration>, write: Option<Duration>) -> Self {
        self.with_server(|server| server.restore(SocketTimeouts { read, write }))
    }

    /// Leaves the [index](PendingIndex) alone: then the store sends an `INCRBY` for each increment
    /// and nothing else, and has no thread of its own. Every sync with this store scans everything,
    /// and what it counts is found by other processes when they scan everything. Default: it writes
    /// the index.
    #[must_use]
    pub fn without_index(mut self) -> Self {
        self.index_writer = None;
        self
    }

    /// Makes claims wait until replicas or disks have them too, before they are applied. Default:
    /// they do not wait.
    #[must_use]
    pub fn confirm_claims(self, confirmation: Confirmation) -> Self {
        self.confirm_by(ConfirmationRule::Always(confirmation))
    }
}

impl DeltaStore for RedisStore {
    fn increment(&self, id: &CounterId, by: i64) -> Result<(), Error> {
        self.indexed(id, steps::increment(&self.server, id, by))
    }

    /// Sends one pipeline, for all of which it waits [`RedisTimeouts::read`]: for hundreds of
    /// thousands of increments at once, make that longer.
    fn increment_many(&self, increments: &[(CounterId, i64)]) -> Vec<Result<(), Error>> {
        let outcomes = steps::increment_many(&self.server, increments);
        let outcomes = increments.iter().zip(outcomes);
        outcomes.map(|((id, _), outcome)| self.indexed(id, outcome)).collect()
    }

    fn look(&self, ids: &[CounterId]) -> Result<Snapshot, Error> {
        steps::look(&self.server, ids)
    }

    fn scan(
        &self,
        pattern: &Pattern,
        from: Cursor,
        count: NonZeroUsize,
    ) -> Result<ScanPage, Error> {
        steps::scan(&self.server, pattern, from, count)
    }

    fn claim(&self, ids: &[CounterId], claim_timeout: Duration) -> Result<Vec<Claimed>, Error> {
        steps::claim(&self.server, ids, claim_timeout, self.confirmation)
    }

    fn replace(&self, id: &CounterId, replacement: Replacement) -> Result<Claim, Error> {
        let replaced = steps::replace(&self.server, id, replacement, self.confirmation);
        if !matches!(replaced, Err(Error::NotCounted { .. })) {
            self.gather(id);
        }
        replaced
    }

    fn replace_many(&self, replacements: &[(CounterId, Replacement)]) -> Vec<Result<Claim, Error>> {
        let replaced = steps::replace_many(&self.server, replacements, self.confirmation);
        for ((id, _), outcome) in replacements.iter().zip(&replaced) {
            if !matches!(outcome, Err(Error::NotCounted { .. })) {
                self.gather(id);
            }
        }
        replaced
    }

    fn verify(&self, claims: &[Claim], within: Duration) -> Result<Vec<Verdict>, Error> {
        steps::verify(&self.server, claims, within)
    }

    fn ack(&self, claims: &[Claim]) -> Result<(), Error> {
        steps::ack(&self.server, claims)
    }

    fn prefix(&self) -> Option<&Prefix> {
        Some(self.server.names().prefix())
    }

    fn generation(&self) -> Option<&dyn StoreGeneration> {
        Some(self)
    }

    fn repair(&self) -> Option<&dyn Repair> {
        Some(self)
    }

    fn key_index(&self) -> Option<&dyn KeyIndex> {
        self.index_writer.is_some().then_some(self as _)
    }

    fn pending_index(&self) -> Option<&dyn PendingIndex> {
        self.index_writer.is_some().then_some(self as _)
    }

    fn moves(&self) -> Option<&dyn MoveCounts> {
        (!self.server.names().are_spread()).then_some(self as _)
    }

    fn together(&self) -> Option<&dyn CountTogether> {
        Some(self)
    }

    fn gauges(&self) -> Option<&dyn RecordGauges> {
        Some(self)
    }

    fn inspection(&self) -> Option<&dyn InspectStore> {
        Some(self)
    }
}

impl StoreGeneration for RedisStore {
    fn ensure_generation(&self, database: &str, above: ClaimSeq) -> Result<Generation, Error> {
        steps::generation(&self.server, database, above, steps::Known::Nothing)
    }

    fn present_generation(&self) -> Result<Option<Generation>, Error> {
        steps::present_generation(&self.server)
    }

    fn recall(
        &self,
        store_id: &str,
        sequences: &[ClaimSeq],
        within: Duration,
    ) -> Result<Recall, Error> {
        steps::recall(&self.server, store_id, sequences, within)
    }

    fn readable_notes(&self, store_id: &str, within: Duration) -> Result<Vec<NotedRow>, Error> {
        steps::readable_notes(&self.server, store_id, within)
    }

    fn note(&self, store_id: &str, row: &NotedRow, claims: &[Claim]) -> Result<NoteOutcome, Error> {
        steps::note(&self.server, store_id, row, claims)
    }

    fn adopt(&self, store_id: &str, database: &str, noted: &[NotedRow]) -> Result<bool, Error> {
        steps::adopt(&self.server, store_id, database, noted)
    }

    fn parts(&self) -> Option<&dyn StoreParts> {
        self.server.names().are_spread().then_some(self as _)
    }
}

impl Repair for RedisStore {
    fn renumber(&self, claim: &Claim, above: ClaimSeq) -> Result<Option<Claim>, Error> {
        steps::renumber(&self.server, claim, above, self.confirmation)
    }

    fn raise(&self, above: ClaimSeq) -> Result<(), Error> {
        steps::raise(&self.server, above)
    }

    fn discard(&self, ids: &[CounterId]) -> Result<u64, Error> {
        steps::discard(&self.server, ids)
    }
}

impl InspectStore for RedisStore {
    fn inspect(&self) -> Result<StoreFacts, Error> {
        inspect::inspect(&self.server, self.confirmation)
    }

    fn notices(&self) -> StoreNotices {
        inspect::notices(&self.server)
    }

    fn misplaced(&self, ids: &[CounterId]) -> Result<Vec<Foreign>, Error> {
        inspect::misplaced(&self.server, ids)
    }

    fn expiring(&self, ids: &[CounterId]) -> Result<Vec<(CounterId, Duration)>, Error> {
        inspect::expiring(&self.server, ids)
    }

    fn held_under(
        &self,
        prefix: &Prefix,
        from: Cursor,
        count: NonZeroUsize,
    ) -> Result<ScanPage, Error> {
        steps::held_under(&self.server, prefix, from, count)
    }
}

/// Shows neither user nor password.
impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("server", &self.server.address())
            .field("prefix", &self.server.names().prefix().as_str())
            .field("timeouts", &self.server.timeouts())
            .field("confirmation", &self.confirmation)
            .finish_non_exhaustive()
    }
}
