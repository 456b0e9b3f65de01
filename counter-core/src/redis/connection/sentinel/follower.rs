use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use ::redis::Client;

use super::sentinels::{Known, Named, SentinelAnswer, Sentinels};
use super::url::SentinelUrl;
use crate::printable::Printable;
use crate::redis::connection::clients::Clients;

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
/// Only the threads that make connections and the watcher wait for sentinels.
pub(crate) struct Follower {
    url: SentinelUrl,
    clients: Clients,
    /// Locked while sentinels are asked.
    sentinels: Mutex<Sentinels>,
    /// Locked for a moment only.
    state: Mutex<State>,
    era: AtomicU64,
    /// Whether the master did not answer as one since the sentinels were asked.
    is_doubted: AtomicBool,
}

/// The sentinels are putting another master in the place of the one that made a claim.
#[derive(Debug, thiserror::Error)]
#[error(
    "a failover of {} is going on: they were not applied, and a later sync tries again",
    Printable(.master_name)
)]
pub(crate) struct Replaced {
    master_name: String,
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
    /// What each sentinel answered, if none has ever named a master.
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
    pub(crate) fn check_undisputed(&self, era: Era) -> Result<(), Replaced> {
        let mut sentinels = lock(&self.sentinels);
        let followed = {
            let state = lock(&self.state);
            let master = state.master.as_ref().filter(|master| master.since <= era);
            master.map(|master| master.named.clone())
        };
        if let Some(followed) = followed {
            if !sentinels.is_disputed(&followed) {
                return Ok(());
            }
            self.doubt();
        }
        Err(Replaced { master_name: self.master_name().to_owned() })
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

    /// Asks each sentinel, for an operator.
    pub(crate) fn ask_each(&self) -> Vec<SentinelAnswer> {
        lock(&self.sentinels).ask_each()
    }

    /// Asks who the master is.
    pub(super) fn look(&self) {
        self.ask(&mut lock(&self.sentinels));
    }

    fn is_doubted(&self) -> bool {
        self.is_doubted.load(Ordering::Relaxed)
    }

    fn is_fresh(&self) -> bool {
        let state = lock(&self.state);
        state.asked.as_ref().is_some_and(|(asked, _)| asked.elapsed() < FRESH)
    }

    /// Asks unless another thread has done so since then. Where it is doing so now, waits for the
    /// answer only if the last one does not do.
    fn ask_unless_asked(&self, since: Instant) {
        let mut sentinels = match self.sentinels.try_lock() {
            Ok(sentinels) => sentinels,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                if lock(&self.state).master.is_some() && !self.is_doubted() {
                    return;
                }
                lock(&self.sentinels)
            }
        };
        let has_answer = |(asked, _): &(Instant, _)| *asked >= since;
        if !lock(&self.state).asked.as_ref().is_some_and(has_answer) {
            self.ask(&mut sentinels);
        }
    }

    fn ask(&self, sentinels: &mut Sentinels) {
        let answer = sentinels.ask(&self.known());
        let answer = answer.and_then(|named| self.follow(named));
        lock(&self.state).asked = Some((Instant::now(), answer));
    }

    /// Takes the doubt away, because it is about to be settled.
    fn known(&self) -> Known {
        let is_doubted = self.is_doubted.swap(false, Ordering::Relaxed);
        match &lock(&self.state).master {
            None => Known::Nothing,
            Some(_) if is_doubted => Known::Doubted,
            Some(master) => Known::Master(master.named.clone()),
        }
    }

    /// Begins a new era if another master is named.
    fn follow(&self, named: Named) -> Result<(), String> {
        let mut state = lock(&self.state);
        match &mut state.master {
            Some(master) if master.named.address == named.address => master.named = named,
            _ => {
                let client = self.clients.client(self.url.master_at(&named.address)?)?;
                let since = Era(self.era.fetch_add(1, Ordering::Relaxed) + 1);
                state.master = Some(Master { named, client: Arc::new(client), since });
            }
        }
        Ok(())
    }
}

/// A panic while one of these is locked cannot leave it half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::address::Address;
    use super::*;

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
        follower.follow(named(1, 2)).unwrap();
        assert_eq!(follower.era(), era);
        follower.follow(named(2, 3)).unwrap();
        assert!(follower.era() > era);
        assert_eq!(follower.followed().as_deref(), Some("127.0.0.1:2"));
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
