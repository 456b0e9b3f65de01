//! Copies of servers that they come back from, and what that may cost.

use std::fmt;

use counter_core::{CounterId, Error as StoreError, RedisStore};
use counter_diesel::sync::OnConflict;
use counter_diesel::{Counters, Error, SyncOptions, SyncReport};
use counter_tests::books::Books;
use counter_tests::held;
use counter_tests::process::wait_for;
use counter_tests::servers::RedisServer;
use counter_tests::site::Site;
use counter_tests::store_worlds::patient;
use counter_tests::traffic::Traffic;
use fastrand::Rng;
use tempfile::TempDir;

/// How many copies of a server are kept.
const KEPT: usize = 3;

/// The sum of what a server holds of each counter.
type Sums = Vec<(CounterId, i64)>;

/// The copies that are kept, and what became of those that servers came back from.
pub(crate) struct Copies {
    of_redis: Vec<RedisCopy>,
    /// The process in which an operator decides.
    operator: Counters,
    /// A server that tells what is in a copy.
    mirror: RedisServer,
    /// What the copy holds that Redis came back from last.
    restored: Sums,
    restores: u32,
    refused: u32,
    applied: u32,
    discarded: u32,
    may_be_lost: i128,
    may_be_doubled: i128,
}

struct RedisCopy {
    data: TempDir,
    holds: Sums,
}

impl Copies {
    pub(crate) fn none(operator: Counters) -> Self {
        let mirror = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "no"]);
        Self {
            of_redis: Vec::new(),
            operator,
            mirror,
            restored: Sums::new(),
            restores: 0,
            refused: 0,
            applied: 0,
            discarded: 0,
            may_be_lost: 0,
            may_be_doubled: 0,
        }
    }

    /// Kills Redis, keeps what it has on disk, and starts it again.
    pub(crate) fn keep_redis(&mut self, site: &Site, choices: &mut Rng) {
        let data = killed(site);
        site.redis().start_again();
        let holds = self.sums_in(&data);
        let copy = RedisCopy { data, holds };
        if self.of_redis.len() < KEPT {
            self.of_redis.push(copy);
        } else {
            self.of_redis[choices.usize(..KEPT)] = copy;
        }
    }

    /// Whether there is one.
    pub(crate) const fn are_of_redis(&self) -> bool {
        !self.of_redis.is_empty()
    }

    /// Kills Redis and starts it again on a copy. What it held is lost by that.
    pub(crate) fn restore_redis(&mut self, site: &Site, books: &Books, choices: &mut Rng) {
        let number = choices.usize(..self.of_redis.len());
        let lost = self.sums_in(&killed(site));
        self.note_lost(books, &lost);
        let copy = &self.of_redis[number];
        self.restored = copy.holds.clone();
        self.restores += 1;
        site.redis().go_back_to(&copy.data);
    }

    /// Syncs as an operator does who decides if a sync refuses. Without that, nothing may be there twice.
    pub(crate) fn decide(
        &mut self,
        site: &Site,
        books: &Books,
        traffic: &Traffic,
        choices: &mut Rng,
    ) {
        if !self.is_refused(SyncOptions::default()) {
            return;
        }
        self.refused += 1;
        let _paused = traffic.pause();
        let decision = if choices.bool() {
            let doubled = std::mem::take(&mut self.restored);
            books.may_exceed(&doubled);
            self.may_be_doubled += total(&doubled);
            self.applied += 1;
            OnConflict::Apply
        } else {
            let dropped = sums(&site.redis());
            self.note_lost(books, &dropped);
            self.discarded += 1;
            OnConflict::Discard
        };
        assert!(!self.is_refused(SyncOptions::default().on_conflict(decision)), "{decision:?}");
    }

    fn note_lost(&mut self, books: &Books, lost: &Sums) {
        books.may_lack(lost);
        self.may_be_lost += total(lost);
    }

    /// Syncs until both servers answer. Returns whether the sync refuses, because the store went back.
    fn is_refused(&self, options: SyncOptions) -> bool {
        wait_for("a sync to come to its end", || match self.operator.sync(&options) {
            Ok(SyncReport { stopped: None, .. }) => Some(false),
            Ok(SyncReport { stopped: Some(error), .. }) | Err(error) => refuses(error),
        })
    }

    /// Returns what a copy holds.
    fn sums_in(&mut self, copy: &TempDir) -> Sums {
        self.mirror.go_back_to(copy);
        sums(&self.mirror)
    }
}

/// Kills Redis, and returns what it has on disk.
fn killed(site: &Site) -> TempDir {
    let mut redis = site.redis();
    redis.kill();
    redis.copy_of_disk()
}

fn sums(redis: &RedisServer) -> Sums {
    let store = RedisStore::builder(redis.url()).timeouts(patient()).without_index();
    held::sums(&store.build().expect("the server is there"))
}

fn total(sums: &Sums) -> i128 {
    sums.iter().map(|(_, sum)| i128::from(*sum).abs()).sum()
}

/// Whether an error says that the store went back. `None` for what passes when servers answer again.
fn refuses(error: Error) -> Option<bool> {
    match error {
        Error::Core(StoreError::StoreWentBack { .. }) => Some(true),
        Error::Core(StoreError::Store { .. } | StoreError::StoreChanged)
        | Error::Unreachable { .. } => None,
        error => panic!("a sync failed: {error:?}"),
    }
}

impl fmt::Display for Copies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { restores, refused, applied, discarded, may_be_lost, may_be_doubled, .. } = self;
        write!(
            f,
            "{restores} restores, {refused} refused until an operator decided: {applied} applied, \
             {discarded} discarded; at most {may_be_lost} lost, {may_be_doubled} doubled"
        )
    }
}
