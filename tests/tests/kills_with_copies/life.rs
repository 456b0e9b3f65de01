//! A site under load, and what happens to it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use counter_tests::books::Books;
use counter_tests::process::wait_for;
use counter_tests::site::Site;
use counter_tests::sync_process::SyncProcess;
use counter_tests::traffic::Traffic;
use fastrand::Rng;

use crate::copies::{Copies, in_increments};

/// What may happen in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// One of the processes that sync is killed.
    KillSync,
    KillRedis,
    KillDatabase,
    /// All of these, as when a machine crashes.
    KillAll,
    /// Redis is killed, and its data is kept.
    CopyRedis,
    /// Redis is killed, and comes back with data that was kept.
    RestoreRedis,
    /// The database is killed, and its data is kept.
    CopyDatabase,
    /// All that syncs is killed, and the database comes back with data that was kept.
    RestoreDatabase,
}

impl Event {
    pub(crate) const ALL: [Self; 8] = [
        Self::KillSync,
        Self::KillRedis,
        Self::KillDatabase,
        Self::KillAll,
        Self::CopyRedis,
        Self::RestoreRedis,
        Self::CopyDatabase,
        Self::RestoreDatabase,
    ];
    pub(crate) const WITHOUT_SERVER: [Self; 7] = [
        Self::KillSync,
        Self::KillRedis,
        Self::KillAll,
        Self::CopyRedis,
        Self::RestoreRedis,
        Self::CopyDatabase,
        Self::RestoreDatabase,
    ];

    const fn kills_sync(self) -> bool {
        matches!(self, Self::KillSync | Self::KillAll)
    }

    const fn kills_redis(self) -> bool {
        matches!(self, Self::KillRedis | Self::KillAll)
    }

    const fn kills_database(self) -> bool {
        matches!(self, Self::KillDatabase | Self::KillAll)
    }
}

const WRITERS: usize = 4;
const COUNTERS: usize = 50;

/// A site with writers, readers and two processes that sync.
pub(crate) struct Life {
    site: Site,
    choices: Rng,
    books: Arc<Books>,
    traffic: Traffic,
    syncs: [SyncProcess; 2],
    copies: Copies,
    met: BTreeMap<Event, u32>,
}

impl Life {
    pub(crate) fn begin(site: Site, mut choices: Rng) -> Self {
        let books = Arc::new(Books::of(COUNTERS));
        books.expect_old_copies();
        let writers = (0..WRITERS).map(|_| site.counters()).collect::<Vec<_>>();
        let traffic = Traffic::start(&books, writers, [site.counters()], &mut choices);
        let syncs = [0, 1].map(|number| start_sync(&site, number));
        let copies = Copies::none(site.patient_counters());
        Self { site, choices, books, traffic, syncs, copies, met: BTreeMap::new() }
    }

    /// Lets one of these happen at a random moment.
    pub(crate) fn meet(&mut self, events: &[Event]) {
        wait_for_progress(&self.site);
        let event = match self.choices.choice(events).copied().expect("there are some") {
            Event::RestoreRedis if !self.copies.are_of_redis() => Event::CopyRedis,
            Event::RestoreDatabase if !self.copies.are_of_database() => Event::CopyDatabase,
            event => event,
        };
        // Does not wait for anything, but makes the moment random.
        thread::sleep(Duration::from_micros(self.choices.u64(..50_000)));
        *self.met.entry(event).or_default() += 1;
        match event {
            Event::CopyRedis => self.copies.keep_redis(&self.site, &mut self.choices),
            Event::CopyDatabase => self.copies.keep_database(&self.site, &mut self.choices),
            Event::RestoreRedis => {
                self.copies.restore_redis(&self.site, &self.books, &mut self.choices);
                self.decide();
            }
            Event::RestoreDatabase => self.restore_database(),
            _ => self.kill_and_restart(event),
        }
    }

    /// Syncs are started again when an operator has decided, as the guide says.
    fn restore_database(&mut self) {
        self.syncs.iter_mut().for_each(SyncProcess::kill);
        let paused = self.traffic.pause();
        self.copies.restore_database(&self.site, &self.books, &mut self.choices);
        let site = (&self.site, &*self.books);
        self.copies.decide(site, &self.traffic, Some(paused), &mut self.choices);
        self.syncs = [0, 1].map(|number| start_sync(&self.site, number));
    }

    fn decide(&mut self) {
        let site = (&self.site, &*self.books);
        self.copies.decide(site, &self.traffic, None, &mut self.choices);
    }

    /// All victims are down at the same time for a moment.
    fn kill_and_restart(&mut self, event: Event) {
        let number = self.choices.usize(..2);
        if event.kills_sync() {
            self.syncs[number].kill();
        }
        if event.kills_redis() {
            self.site.redis().kill();
        }
        if event.kills_database() {
            self.site.database().kill();
        }
        thread::sleep(Duration::from_millis(self.choices.u64(..50)));
        if event.kills_redis() {
            self.site.redis().start_again();
        }
        if event.kills_database() {
            self.site.database().start();
        }
        if event.kills_sync() {
            self.syncs[number] = start_sync(&self.site, number);
        }
    }

    /// Ends it, and compares the table with what was said.
    pub(crate) fn end(self) {
        wait_for_progress(&self.site);
        self.traffic.stop();
        let applied = self.syncs.map(SyncProcess::stop);
        // A copy that lacks something that the store has noted is reported once.
        self.copies.sync();
        let left_behind = self.site.last_sync();
        let totals = self.books.check(&self.site);
        let (met, copies) = (self.met, self.copies);
        println!("{met:?}: {totals}; {applied:?} claims applied by the last processes");
        let (lost, doubled) = (in_increments(totals.lost), in_increments(totals.doubled));
        println!("{copies}; in the end {lost} lost, {doubled} doubled");
        println!("{left_behind} claims were left to the last sync");
        assert!(totals.reads > 0, "{totals}");
    }
}

/// The first takes every claim for one that was left behind, so that claims are fought over.
fn start_sync(site: &Site, number: usize) -> SyncProcess {
    let claim_timeout = Duration::from_millis(200 * number as u64);
    let mut sync = SyncProcess::start(env!("CARGO_BIN_EXE_sync_worker"), site, claim_timeout);
    sync.wait_until_it_has_applied_some();
    sync
}

/// The sequences of the rows grow with every claim that is committed.
fn wait_for_progress(site: &Site) {
    let applied = || site.database().texts("SELECT CONCAT(SUM(claim_seq)) FROM model_counters");
    let before = applied();
    wait_for("claims to be applied", || (applied() != before).then_some(()));
}
