//! Copies of servers that they come back from, and what that may cost.

use std::fmt;
use std::sync::RwLockWriteGuard;

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

/// Traffic that waits.
pub(crate) type Pause<'a> = RwLockWriteGuard<'a, ()>;

/// The sum of what a server holds of each counter.
type Sums = Vec<(CounterId, i64)>;

/// The copies that are kept, and what became of those that servers came back from.
pub(crate) struct Copies {
    of_redis: Vec<RedisCopy>,
    of_database: Vec<TempDir>,
    /// The process in which an operator decides.
    operator: Counters,
    /// A server that shows what is in a copy.
    mirror: RedisServer,
    /// What the copy holds that Redis came back from last.
    restored: Sums,
    restores_of_redis: u32,
    restores_of_database: u32,
    adopted: u32,
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
            of_database: Vec::new(),
            operator,
            mirror,
            restored: Sums::new(),
            restores_of_redis: 0,
            restores_of_database: 0,
            adopted: 0,
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
        keep(&mut self.of_redis, copy, choices);
    }

    /// Whether there is a copy of Redis.
    pub(crate) const fn are_of_redis(&self) -> bool {
        !self.of_redis.is_empty()
    }

    /// Whether there is a copy of the database.
    pub(crate) const fn are_of_database(&self) -> bool {
        !self.of_database.is_empty()
    }

    /// Kills Redis and starts it again on a copy. What it held is lost by that.
    pub(crate) fn restore_redis(&mut self, site: &Site, books: &Books, choices: &mut Rng) {
        let number = choices.usize(..self.of_redis.len());
        let lost = self.sums_in(&killed(site));
        self.note_lost(books, &lost);
        let copy = &self.of_redis[number];
        self.restored = copy.holds.clone();
        self.restores_of_redis += 1;
        site.redis().go_back_to(&copy.data);
    }

    /// Keeps a copy of the database.
    pub(crate) fn keep_database(&mut self, site: &Site, choices: &mut Rng) {
        let copy = site.database().copy();
        keep(&mut self.of_database, copy, choices);
    }

    /// Lets the database come back from a copy. What it has forgotten is lost by that. Nothing else
    /// may write meanwhile.
    pub(crate) fn restore_database(&mut self, site: &Site, books: &Books, choices: &mut Rng) {
        let copy = choices.choice(&self.of_database).expect("there is one");
        let before = rows(site, books);
        site.database().go_back_to(copy);
        let after = rows(site, books);
        let lost = before.into_iter().zip(after);
        let lost = lost.map(|((id, before), (_, after))| (id, before - after)).collect();
        self.restores_of_database += 1;
        self.note_lost(books, &lost);
    }

    /// Syncs as an operator does who decides if a sync refuses. Without that, nothing may be there
    /// twice.
    pub(crate) fn decide<'a>(
        &mut self,
        (site, books): (&Site, &Books),
        traffic: &'a Traffic,
        mut paused: Option<Pause<'a>>,
        choices: &mut Rng,
    ) {
        let mut options = SyncOptions::default();
        for _ in 0..8 {
            let Some(refusal) = self.refusal(&options) else { return };
            paused.get_or_insert_with(|| traffic.pause());
            options = match refusal {
                Refusal::Store => self.decide_about_store(site, books, choices),
                Refusal::Database => self.adopt(),
            };
        }
        panic!("syncs refuse whatever an operator decides");
    }

    /// Syncs once to the end. Nothing is left to decide.
    pub(crate) fn sync(&self) {
        let refusal = self.refusal(&SyncOptions::default());
        assert!(refusal.is_none(), "{refusal:?}");
    }

    fn decide_about_store(&mut self, site: &Site, books: &Books, choices: &mut Rng) -> SyncOptions {
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
        SyncOptions::default().on_conflict(decision)
    }

    fn adopt(&mut self) -> SyncOptions {
        self.adopted += 1;
        wait_for("the database to be adopted", || self.operator.adopt_database().ok());
        SyncOptions::default()
    }

    fn note_lost(&mut self, books: &Books, lost: &Sums) {
        books.may_lack(lost);
        self.may_be_lost += total(lost);
    }

    /// Syncs until both servers answer. Returns which of them the sync refuses.
    fn refusal(&self, options: &SyncOptions) -> Option<Refusal> {
        wait_for("a sync to come to its end", || match self.operator.sync(options) {
            Ok(SyncReport { stopped: None, .. }) => Some(None),
            Ok(SyncReport { stopped: Some(error), .. }) | Err(error) => refused(error).map(Some),
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

/// What a sync refuses.
#[derive(Debug, Clone, Copy)]
enum Refusal {
    /// The store went back.
    Store,
    /// The database is not the one that the store was synced into.
    Database,
}

/// Which side an error refuses. `None` for what passes when servers answer again.
fn refused(error: Error) -> Option<Refusal> {
    match error {
        Error::Core(StoreError::StoreWentBack { .. }) => Some(Refusal::Store),
        Error::OtherDatabase(_) => Some(Refusal::Database),
        Error::Core(StoreError::Store { .. } | StoreError::StoreChanged)
        | Error::Unreachable { .. } => None,
        error => panic!("a sync failed: {error:?}"),
    }
}

/// Keeps a copy, in the place of another one if there are enough.
fn keep<T>(kept: &mut Vec<T>, copy: T, choices: &mut Rng) {
    if kept.len() < KEPT {
        kept.push(copy);
    } else {
        kept[choices.usize(..KEPT)] = copy;
    }
}

/// What the table has of each counter.
fn rows(site: &Site, books: &Books) -> Sums {
    let ids = books.ids();
    let rows = ids.chunks(1000).flat_map(|ids| {
        wait_for("the database to answer", || site.database().ledger().baselines(ids).ok())
    });
    let counts = rows.map(|row| row.count).collect::<Vec<_>>();
    ids.into_iter().zip(counts).collect()
}

impl fmt::Display for Copies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { restores_of_redis, restores_of_database, .. } = self;
        let Self { applied, discarded, adopted, may_be_lost, may_be_doubled, .. } = self;
        write!(
            f,
            "Redis came back {restores_of_redis} times, the database {restores_of_database} times; an \
             operator applied {applied}, discarded {discarded}, adopted {adopted}; at most {} lost, {} doubled",
            in_increments(*may_be_lost),
            in_increments(*may_be_doubled)
        )
    }
}

/// Returns how many increments of medium size that is.
pub(crate) fn in_increments(amount: i128) -> i128 {
    amount / (1 << 39)
}
