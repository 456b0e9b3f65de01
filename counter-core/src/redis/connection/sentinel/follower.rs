use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ::redis::Client;

use super::named::{Known, Named};
use super::sentinels::{Dispute, SentinelAnswer, Sentinels};
use super::silence::PATIENCE;
use super::url::SentinelUrl;
use crate::printable::Printable;
use crate::redis::connection::clients::Clients;
use crate::redis::connection::deadline::Deadline;
use crate::redis::connection::permits::{Permit, Permits};

/// The time between two questions of the watcher.
pub(super) const INTERVAL: Duration = Duration::from_millis(500);

/// The longest age of an answer that a new connection uses without another question. While there is
/// a watcher, answers are younger, as long as no sentinel keeps it waiting.
const FRESH: Duration = Duration::from_secs(1);

/// Numbers the masters that a store has followed, so that connections to an earlier one are
/// dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Era(u64);

/// Knows which server is the master that the sentinels name.
///
/// The threads that make connections, the watcher, and what makes claims (syncs, sets and deletes)
/// wait for sentinels. Increments and reads do not.
pub(crate) struct Follower {
    url: SentinelUrl,
    clients: Clients,
    sentinels: Mutex<Sentinels>,
    /// The right to lock them, which one thread has while it asks.
    turn: Permits,
    /// Locked for a moment only.
    state: Mutex<State>,
    era: AtomicU64,
    /// Whether the master did not answer as one since the sentinels were asked.
    is_doubted: AtomicBool,
}

/// A claim may have been made by a master that is not the master any more.
#[derive(Debug, thiserror::Error)]
#[error("{why}: they were not applied, and a later sync tries again")]
pub(crate) struct Disputed {
    why: WhyDisputed,
}

#[derive(Debug)]
enum WhyDisputed {
    /// The sentinels are putting another master in the place of the one of this name.
    Failover(String),
    /// The sentinel at this address does not answer.
    Silent(String),
    /// Other threads were asking the sentinels all the time.
    NotAsked,
}

impl fmt::Display for WhyDisputed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failover(name) => write!(f, "a failover of {} is going on", Printable(name)),
            Self::Silent(address) => {
                let address = Printable(address);
                write!(f, "the sentinel {address} does not answer, and may have begun a failover")
            }
            Self::NotAsked => f.write_str("the sentinels could not be asked in time"),
        }
    }
}

#[derive(Default)]
struct State {
    master: Option<Master>,
    /// When the sentinels were asked last, and why none of them named a master.
    asked: Option<(Instant, Result<(), String>)>,
}

struct Master {
    named: Named,
    client: Arc<Client>,
    /// The era that began with it. Connections of earlier ones lead to an earlier master. Those of
    /// later ones do not: an era also ends when the server hangs up.
    since: Era,
}

impl Follower {
    pub(crate) fn new(url: SentinelUrl, clients: Clients) -> Result<Self, String> {
        let sentinels = Mutex::new(Sentinels::new(&url, &clients)?);
        Ok(Self {
            url,
            clients,
            sentinels,
            turn: Permits::new(1),
            state: Mutex::default(),
            era: AtomicU64::new(0),
            is_doubted: AtomicBool::new(false),
        })
    }

    /// Returns what connects to the master, and the era of such a connection. Asks the sentinels
    /// where the last answer is old or was a wrong one. If none of them answers, the master is the
    /// one that was named last.
    ///
    /// # Errors
    ///
    /// The answers of the sentinels, if none has ever named a master.
    pub(crate) fn master(&self) -> Result<(Arc<Client>, Era), String> {
        if self.is_doubted() || !self.is_fresh() {
            self.ask_unless_asked(Instant::now());
        }
        let state = lock(&self.state);
        match (&state.master, &state.asked) {
            (Some(master), _) => Ok((Arc::clone(&master.client), self.era())),
            (None, Some((_, Err(why)))) => Err(why.clone()),
            (None, _) => Err("no sentinel was asked".to_owned()),
        }
    }

    /// Returns the present era. Connections of earlier ones are not used.
    pub(crate) fn era(&self) -> Era {
        Era(self.era.load(Ordering::Relaxed))
    }

    /// Ends the era of a connection that was ended by the server, or whose server is a replica. If
    /// that era is over already, the connection says nothing about the present master.
    pub(crate) fn end_era(&self, era: Era) {
        let (seen, next) = (era.0, era.0 + 1);
        let order = Ordering::Relaxed;
        if self.era.compare_exchange(seen, next, order, order).is_ok() {
            self.doubt();
        }
    }

    /// Notes that the master does not take connections, or is none.
    pub(crate) fn doubt(&self) {
        self.is_doubted.store(true, Ordering::Relaxed);
    }

    /// Checks that a claim that was made on a connection of this era was made by the master that is
    /// followed, and that no sentinel puts another in its place, as far as they answer. A replica
    /// that takes over later has the claim if it has been confirmed.
    pub(crate) fn check_undisputed(&self, era: Era) -> Result<(), Disputed> {
        let Some(mut turn) = self.turn_until(Deadline::after(PATIENCE)) else {
            return Err(Disputed { why: WhyDisputed::NotAsked });
        };
        let followed = {
            let state = lock(&self.state);
            let master = state.master.as_ref().filter(|master| master.since <= era);
            master.map(|master| master.named.clone())
        };
        let why = match followed.map(|followed| turn.sentinels.dispute(&followed)) {
            Some(None) => return Ok(()),
            Some(Some(Dispute::Silent(address))) => WhyDisputed::Silent(address),
            Some(Some(Dispute::Newer(named))) => {
                // Otherwise the watcher finds out, or the next connection.
                let _ = self.follow(named);
                self.failover()
            }
            Some(Some(Dispute::BeingReplaced)) | None => self.failover(),
        };
        Err(Disputed { why })
    }

    fn failover(&self) -> WhyDisputed {
        WhyDisputed::Failover(self.master_name().to_owned())
    }

    /// Returns why no sentinel named a master when they were asked last, if none did.
    pub(crate) fn why_silent(&self) -> Option<String> {
        let state = lock(&self.state);
        state.asked.as_ref().and_then(|(_, answer)| answer.clone().err())
    }

    /// Returns the address of the master that is followed.
    pub(crate) fn followed(&self) -> Option<String> {
        lock(&self.state).master.as_ref().map(|master| master.named.address.to_string())
    }

    pub(crate) fn master_name(&self) -> &str {
        self.url.master_name()
    }

    /// Asks each sentinel, for an operator. Returns nothing if other threads ask them all the time.
    pub(crate) fn ask_each(&self) -> Vec<SentinelAnswer> {
        let turn = self.turn_until(Deadline::NEVER);
        turn.map_or_else(Vec::new, |mut turn| turn.sentinels.ask_each())
    }

    /// Asks who the master is.
    pub(super) fn look(&self) {
        if let Some(mut turn) = self.turn_until(Deadline::NEVER) {
            self.ask(&mut turn.sentinels);
        }
    }

    fn turn_until(&self, until: Deadline) -> Option<Turn<'_>> {
        Some(self.turn(self.turn.acquire(until).ok()?))
    }

    fn turn<'f>(&'f self, permit: Permit<'f>) -> Turn<'f> {
        Turn { sentinels: lock(&self.sentinels), _permit: permit }
    }

    fn is_doubted(&self) -> bool {
        self.is_doubted.load(Ordering::Relaxed)
    }

    fn is_fresh(&self) -> bool {
        let state = lock(&self.state);
        state.asked.as_ref().is_some_and(|(asked, _)| asked.elapsed() < FRESH)
    }

    /// Asks unless another thread has done so since then. Where it is doing so now, waits for the
    /// answer only if the last one is not good enough.
    fn ask_unless_asked(&self, since: Instant) {
        let turn = match self.turn.try_acquire() {
            Some(permit) => Some(self.turn(permit)),
            None if lock(&self.state).master.is_some() && !self.is_doubted() => None,
            None => self.turn_until(Deadline::NEVER),
        };
        let Some(mut turn) = turn else { return };
        let has_answer = |(asked, _): &(Instant, _)| *asked >= since;
        if !lock(&self.state).asked.as_ref().is_some_and(has_answer) {
            self.ask(&mut turn.sentinels);
        }
    }

    fn ask(&self, sentinels: &mut Sentinels) {
        let answer = sentinels.ask(self.known().as_ref());
        let answer = answer.and_then(|named| self.follow(named));
        lock(&self.state).asked = Some((Instant::now(), answer));
    }

    /// Takes the doubt away, because it is about to be settled.
    fn known(&self) -> Option<Known> {
        let is_doubted = self.is_doubted.swap(false, Ordering::Relaxed);
        let state = lock(&self.state);
        state.master.as_ref().map(|master| Known { master: master.named.clone(), is_doubted })
    }

    /// Begins a new era if another master is named, or the same one after a failover.
    fn follow(&self, named: Named) -> Result<(), String> {
        let mut state = lock(&self.state);
        match &mut state.master {
            Some(master) if master.named.is_newer_than(&named) => {}
            Some(master) if master.named.is_same(&named) => {
                let epoch = named.epoch.max(master.named.epoch);
                master.named = Named { epoch, ..named };
            }
            _ => {
                let client = self.clients.client(self.url.master_at(&named.address)?)?;
                let since = Era(self.era.fetch_add(1, Ordering::Relaxed) + 1);
                state.master = Some(Master { named, client: Arc::new(client), since });
            }
        }
        Ok(())
    }
}

/// The sentinels, for the one thread that may ask them.
struct Turn<'f> {
    /// Is unlocked before another thread has its turn.
    sentinels: MutexGuard<'f, Sentinels>,
    _permit: Permit<'f>,
}

/// A panic while one of these is locked cannot leave it half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redis::connection::url::Address;

    /// A follower of sentinels that are away.
    fn follower() -> Follower {
        let url = SentinelUrl::parse("redis+sentinel://127.0.0.1:1,127.0.0.1:2/mymaster");
        Follower::new(url.unwrap().unwrap(), Clients::new(None)).unwrap()
    }

    fn named(port: u16, epoch: u64) -> Named {
        let address = Address::new("127.0.0.1", port);
        Named { address, epoch: Some(epoch), is_being_replaced: false, known_sentinels: None }
    }

    #[test]
    fn an_era_begins_with_another_master_and_with_no_other_answer() {
        let follower = follower();
        follower.follow(named(1, 1)).unwrap();
        let era = follower.era();
        follower.follow(named(1, 1)).unwrap();
        follower.follow(Named { epoch: None, ..named(1, 1) }).unwrap();
        follower.follow(named(2, 0)).unwrap();
        assert_eq!(follower.era(), era);
        assert_eq!(follower.followed().as_deref(), Some("127.0.0.1:1"));
        follower.follow(named(2, 2)).unwrap();
        let second = follower.era();
        assert!(second > era);
        assert_eq!(follower.followed().as_deref(), Some("127.0.0.1:2"));
        // It has been replaced meanwhile, and has come back.
        follower.follow(named(2, 4)).unwrap();
        assert!(follower.era() > second);
    }

    #[test]
    fn a_claim_does_not_wait_long_for_threads_that_ask_sentinels() {
        let follower = follower();
        follower.follow(named(3, 1)).unwrap();
        let turn = follower.turn_until(Deadline::NEVER);
        let error = follower.check_undisputed(follower.era()).unwrap_err();
        assert!(error.to_string().contains("in time"), "{error}");
        drop(turn);
        assert!(follower.check_undisputed(follower.era()).is_ok());
    }

    #[test]
    fn an_era_is_ended_once_however_many_of_its_connections_are_lost() {
        let follower = follower();
        let era = follower.era();
        follower.end_era(era);
        let next = follower.era();
        assert!(next > era && follower.is_doubted());
        follower.end_era(era);
        assert_eq!(follower.era(), next);
    }

    #[test]
    fn without_sentinels_the_master_is_the_one_that_was_named_last() {
        let follower = follower();
        let why = follower.master().unwrap_err();
        assert!(why.contains("127.0.0.1:1: ") && why.contains("127.0.0.1:2: "), "{why}");
        follower.follow(named(3, 1)).unwrap();
        follower.doubt();
        let (client, era) = follower.master().unwrap();
        assert_eq!(client.get_connection_info().addr().to_string(), "127.0.0.1:3");
        assert_eq!(era, follower.era());
        assert_eq!(follower.why_silent(), Some(why));
    }

    #[test]
    fn nothing_disputes_a_master_where_no_sentinel_answers_but_something_has_to_name_it() {
        let follower = follower();
        assert!(follower.check_undisputed(follower.era()).is_err());
        follower.follow(named(3, 1)).unwrap();
        assert!(follower.check_undisputed(follower.era()).is_ok());
    }

    #[test]
    fn a_claim_of_an_earlier_master_is_refused_and_one_of_an_era_that_a_hang_up_ended_is_not() {
        let follower = follower();
        follower.follow(named(1, 1)).unwrap();
        let era = follower.era();
        follower.end_era(era);
        assert!(follower.check_undisputed(era).is_ok());
        follower.follow(named(2, 2)).unwrap();
        assert!(follower.check_undisputed(era).is_err());
        assert!(follower.check_undisputed(follower.era()).is_ok());
    }
}
