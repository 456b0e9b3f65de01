use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use super::builder::RedisStoreBuilder;
use super::confirmation::Confirmation;
use super::connection::deadline::Deadline;
use super::connection::lease::Lease;
use super::connection::names::Names;
use super::connection::packed::Packed;
use super::connection::pool::Pool;
use super::connection::reply::{Reply, Unexpected};
use super::connection::wire::is_lost_connection;
use super::last_seen::LastSeen;
use super::steps::found;
use super::steps::script::{Answer, Script};
use super::timeouts::RedisTimeouts;
use crate::error::{BoxError, Error, StoreStep};
use crate::id::CounterId;
use crate::names::{Pattern, Prefix};
use crate::protocol::{Claim, ClaimSeq, Generation};
use crate::store::{
    Claimed, Cursor, DeltaStore, Foreign, InspectStore, Look, Repair, Replacement, ScanPage,
    StoreFacts, StoreGeneration, Verdict,
};

/// A store in Redis, shared by all processes that use the same server, database number and prefix.
///
/// An increment is one `INCRBY` of `{prefix}{owner type}:{owner id}:{key}` and nothing else, so any
/// client in any language can make one. Everything that takes more than one command to be right is a
/// Lua script.
///
/// ```no_run
/// use counter_core::{CounterId, DeltaStore, RedisStore};
///
/// let store = RedisStore::builder("redis://127.0.0.1/").build()?;
/// store.increment(&CounterId::new("post", 42, "views")?, 1)?;
/// # Ok::<(), counter_core::Error>(())
/// ```
///
/// # What is not ours
///
/// Names and values that this library would not write are never changed, and named where they are
/// found. One thing is not found by a look: a key of another type, such as a list, reads as nothing
/// pending. An increment of it fails, and a claim names it.
///
/// # A server that went back
///
/// Within one life of its data, between two times that somebody emptied it, a server gives out ever
/// newer sequences. The store remembers the newest that it has seen, and claims nothing
/// ([`Error::StoreWentBack`]) from a server that knows of older ones only: it was started from an old
/// copy, and what that holds may have been counted already. Asking for the
/// [`generation`](StoreGeneration::ensure_generation), which every sync does first, tells the store when another
/// life has begun.
///
/// # What the server must allow
///
/// Redis 5 or later, or a server that does the same, and for a user with limited rights: `INCRBY`,
/// `MGET`, `GET`, `SCAN`, `EVALSHA`, `SCRIPT LOAD`, where claims wait `WAIT` or `WAITAOF`, and inside scripts also `SET`, `MSET`, `DEL`,
/// `EXISTS`, `TYPE`, `PERSIST` and `TIME`; `PING` to build the store. Nothing is lost if one of these is
/// missing. A check-up asks for `INFO`, `CONFIG GET`, `TIME` and `TYPE` too, and says what it was refused.
pub struct RedisStore {
    pool: Pool,
    names: Names,
    timeouts: RedisTimeouts,
    last_seen: LastSeen,
    confirmation: Option<Confirmation>,
    /// What connections are made to, without user and password.
    server: String,
}

impl RedisStore {
    /// Begins to describe a store on a pool of its own.
    ///
    /// The URL is one of
    ///
    /// - `redis://[user][:password@]host[:port][/database]`
    /// - `rediss://...`, the same with TLS, which takes the feature `redis-tls`
    /// - `redis+unix:///path/to/socket[?db=database][&user=user][&pass=password]`
    ///
    /// with everything that means something in a URL percent-encoded. Whether it can be used is known
    /// when the store is built.
    pub fn builder(url: impl AsRef<str>) -> RedisStoreBuilder {
        RedisStoreBuilder::new(url.as_ref())
    }

    /// A store on a pool that the application has already.
    ///
    /// A connection has the time-outs of `timeouts` while the store uses it, and none when the pool gets it
    /// back, which is how the `redis` crate makes it. Build the pool with `test_on_check_out(false)`, or
    /// every increment costs a `PING` too, and give its connections TCP_NODELAY.
    ///
    /// A connection that failed, or that may hold unread replies, is never handed out again. Such a pool
    /// only drops a connection that was closed from the other side, so the store puts one in its place that
    /// is: it leads to this process itself, over the loopback interface.
    pub fn from_pool(
        pool: r2d2::Pool<::redis::Client>,
        prefix: Prefix,
        timeouts: RedisTimeouts,
    ) -> Self {
        let server = "an application's pool".to_owned();
        Self::on(Pool::Client(pool), prefix, timeouts, server)
    }

    /// A store on a pool of the crate `r2d2_redis` that the application has already.
    ///
    /// As [`from_pool`](Self::from_pool).
    #[cfg(feature = "r2d2_redis")]
    pub fn from_r2d2_redis(
        pool: r2d2::Pool<::r2d2_redis::RedisConnectionManager>,
        prefix: Prefix,
        timeouts: RedisTimeouts,
    ) -> Self {
        let server = "an application's pool of r2d2_redis".to_owned();
        Self::on(Pool::R2d2Redis(pool), prefix, timeouts, server)
    }

    pub(super) fn on(pool: Pool, prefix: Prefix, timeouts: RedisTimeouts, server: String) -> Self {
        Self {
            pool,
            names: Names::new(prefix),
            timeouts: timeouts.at_least_a_millisecond(),
            last_seen: LastSeen::default(),
            confirmation: None,
            server,
        }
    }

    /// Lets claims wait until others have them too, before they are applied. Default: they do not wait.
    #[must_use]
    pub fn confirm_claims(mut self, confirmation: Confirmation) -> Self {
        self.confirmation = Some(confirmation);
        self.last_seen = LastSeen::of_confirmed_claims();
        self
    }

    pub(super) fn confirmation(&self) -> Option<Confirmation> {
        self.confirmation
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    pub(super) fn timeouts(&self) -> RedisTimeouts {
        self.timeouts
    }

    pub(super) fn last_seen(&self) -> &LastSeen {
        &self.last_seen
    }

    pub(super) fn lease(&self) -> Result<Lease, BoxError> {
        self.pool.lease(self.timeouts.wait, self.timeouts.write)
    }

    /// Takes a step of a sync on a connection, which is not used again if the step fails: what comes
    /// over it next may belong to something else.
    pub(super) fn step<T>(
        &self,
        step: StoreStep,
        take: impl FnOnce(&mut Lease) -> Result<T, BoxError>,
    ) -> Result<T, Error> {
        self.take(Deadline::NEVER, take).map_err(|source| explain(step, source))
    }

    /// The same for a step that does no harm if it is taken twice: if its connection is lost it is taken
    /// once more, on another.
    pub(super) fn repeatable_step<T>(
        &self,
        step: StoreStep,
        deadline: Deadline,
        take: impl Fn(&mut Lease) -> Result<T, BoxError>,
    ) -> Result<T, Error> {
        let mut taken = self.take(deadline, &take);
        if taken.as_ref().is_err_and(is_lost_connection) {
            taken = self.take(deadline, &take);
        }
        taken.map_err(|source| explain(step, source))
    }

    fn take<T>(
        &self,
        deadline: Deadline,
        take: impl FnOnce(&mut Lease) -> Result<T, BoxError>,
    ) -> Result<T, BoxError> {
        let wait = deadline.left().min(self.timeouts.wait);
        let mut lease = self.pool.lease(wait, self.timeouts.write)?;
        take(&mut lease).inspect_err(|_| lease.distrust())
    }

    pub(super) fn ask(&self, lease: &mut Lease, command: &Packed) -> Result<Reply, BoxError> {
        Ok(lease.ask(command, Deadline::after(self.timeouts.read))?)
    }

    pub(super) fn ask_all(
        &self,
        lease: &mut Lease,
        commands: &Packed,
    ) -> Result<Vec<Reply>, BoxError> {
        Ok(lease.ask_all(commands, Deadline::after(self.timeouts.read))?)
    }

    pub(super) fn run(
        &self,
        script: &Script,
        lease: &mut Lease,
        calls: &Packed,
    ) -> Result<Vec<Reply>, BoxError> {
        Ok(script.run(lease, calls, Deadline::after(self.timeouts.read))?)
    }

    /// What a script says is in the place of something of ours.
    pub(super) fn foreign(&self, answer: &Answer, id: Option<&CounterId>) -> BoxError {
        match found::from_script(&answer.text, &self.names, id) {
            Some(foreign) => foreign.into(),
            None => Unexpected.into(),
        }
    }
}

fn explain(step: StoreStep, source: BoxError) -> Error {
    match source.downcast::<Error>() {
        // It says already what it is about.
        Ok(error) => *error,
        Err(source) => Error::Store { step, source },
    }
}

impl DeltaStore for RedisStore {
    fn increment(&self, id: &CounterId, by: i64) -> Result<(), Error> {
        self.increment_one(id, by)
    }

    /// One pipeline, and [`RedisTimeouts::read`] for all of it: for hundreds of thousands of increments
    /// at once, make that longer.
    fn increment_many(&self, increments: &[(CounterId, i64)]) -> Vec<Result<(), Error>> {
        self.increment_each(increments)
    }

    fn look(&self, ids: &[CounterId]) -> Result<Look, Error> {
        self.look_at(ids)
    }

    fn scan(
        &self,
        pattern: &Pattern,
        from: Cursor,
        count: NonZeroUsize,
    ) -> Result<ScanPage, Error> {
        self.scan_page(pattern, from, count)
    }

    fn claim(&self, ids: &[CounterId], claim_timeout: Duration) -> Result<Vec<Claimed>, Error> {
        self.claim_each(ids, claim_timeout)
    }

    fn replace(&self, id: &CounterId, replacement: Replacement) -> Result<Claim, Error> {
        self.replace_one(id, replacement)
    }

    fn verify(&self, claims: &[Claim], within: Duration) -> Result<Vec<Verdict>, Error> {
        self.verify_each(claims, within)
    }

    fn ack(&self, claims: &[Claim]) -> Result<(), Error> {
        self.ack_each(claims)
    }

    fn prefix(&self) -> Option<&Prefix> {
        Some(self.names.prefix())
    }

    fn generation(&self) -> Option<&dyn StoreGeneration> {
        Some(self)
    }

    fn repair(&self) -> Option<&dyn Repair> {
        Some(self)
    }

    fn inspection(&self) -> Option<&dyn InspectStore> {
        Some(self)
    }
}

impl StoreGeneration for RedisStore {
    fn ensure_generation(&self, database: &str, above: ClaimSeq) -> Result<Generation, Error> {
        self.identify(database, above)
    }

    fn present_generation(&self) -> Result<Option<Generation>, Error> {
        self.read_generation()
    }
}

impl Repair for RedisStore {
    fn renumber(&self, claim: &Claim, above: ClaimSeq) -> Result<Option<Claim>, Error> {
        self.renumber_one(claim, above)
    }

    fn raise(&self, above: ClaimSeq) -> Result<(), Error> {
        self.raise_above(above)
    }

    fn discard(&self, ids: &[CounterId]) -> Result<u64, Error> {
        self.discard_each(ids)
    }
}

impl InspectStore for RedisStore {
    fn inspect(&self) -> Result<StoreFacts, Error> {
        self.inspect_server()
    }

    fn misplaced(&self, ids: &[CounterId]) -> Result<Vec<Foreign>, Error> {
        self.misplaced_at(ids)
    }
}

/// Neither user nor password.
impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("server", &self.server)
            .field("prefix", &self.names.prefix().as_str())
            .field("timeouts", &self.timeouts)
            .field("confirmation", &self.confirmation)
            .finish_non_exhaustive()
    }
}
