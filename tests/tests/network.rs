//! G1, G2 and G5 behind a bad network: connections to Redis and to the database break off in the
//! middle of what is said, and messages come late and in pieces.

use std::fmt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use counter_core::{Config, DeltaStore, Error as StoreError, Prefix, RedisStore, RedisTimeouts};
use counter_diesel::ledger::Ledger;
use counter_diesel::sync::FailedClaim;
use counter_diesel::{Counters, Error, SyncOptions};
use counter_tests::books::Books;
use counter_tests::effort::{choices, load_time};
use counter_tests::faults::{Faults, FaultyLedger, FaultyStore};
use counter_tests::fixtures::post;
use counter_tests::process::wait_for;
use counter_tests::proxy::{Kind, Proxy, Towards, Trouble};
use counter_tests::site::{Site, ledger_at, sync_unless_redis_is_busy};
use counter_tests::store_worlds::patient;
use counter_tests::suite::{self, WorldKind};
use counter_tests::traffic::Traffic;
use counter_tests::world::impatient;
use libtest_mimic::Trial;
use r2d2_redis::RedisConnectionManager;

fn main() -> ExitCode {
    let mut trials = Vec::new();
    for (name, make_site) in SITES {
        let mut add = |case: &str, show: fn(&Network)| {
            let name = format!("{name}::{case}");
            trials.push(Trial::test(name, move || {
                show(&Network::before(make_site()));
                Ok(())
            }));
        };
        add("a_sync_is_exact_after_redis_was_cut_off_at_any_step", cut_off_redis);
        if *name != "redis_x_sqlite" {
            add("a_sync_is_exact_after_the_database_was_cut_off_at_any_step", cut_off_database);
        }
        add("totals_and_reads_are_exact_after_random_trouble", random_trouble);
    }
    suite::run_trials(trials)
}

const SITES: &[WorldKind<Site>] = &[
    ("redis_x_sqlite", Site::with_sqlite),
    ("redis_x_postgres", Site::with_postgres),
    ("redis_x_mariadb", Site::with_mariadb),
];

/// A site, and what stands before its servers.
struct Network {
    site: Site,
    redis: Arc<Proxy>,
    /// SQLite has no connections.
    database: Option<Arc<Proxy>>,
}

impl Network {
    fn before(site: Site) -> Self {
        let redis = Arc::new(Proxy::to_port(site.redis().port()));
        let socket = site.database().socket();
        let database = socket.map(|socket| Arc::new(Proxy::to_socket(&socket)));
        Self { site, redis, database }
    }

    /// The database, through the proxy.
    fn ledger(&self) -> Arc<dyn Ledger> {
        let database = self.site.database();
        let (url, socket) = (database.url(), database.socket());
        match socket.as_deref().and_then(Path::parent).zip(self.database.as_ref()) {
            None => ledger_at(&url),
            Some((folder, proxy)) => {
                let [folder, other] =
                    [folder, &proxy.folder()].map(|path| path.display().to_string());
                ledger_at(&url.replace(&folder, &other))
            }
        }
    }

    /// A store on Redis through the proxy, on its own pool.
    fn store(&self, timeouts: RedisTimeouts) -> Arc<dyn DeltaStore> {
        let builder = RedisStore::builder(self.redis.redis_url()).pool_size(1.try_into().unwrap());
        Arc::new(builder.connect_lazily().timeouts(timeouts).build().unwrap())
    }

    /// A store through the proxy, on an application's pool.
    fn store_on_applications_pool(&self) -> Arc<dyn DeltaStore> {
        let client = redis::Client::open(self.redis.redis_url()).unwrap();
        let pool = pool().build_unchecked(client);
        Arc::new(RedisStore::from_pool(pool, Prefix::default(), short()))
    }

    /// A store through the proxy, on a pool of `r2d2_redis`.
    fn store_on_r2d2_redis_pool(&self) -> Arc<dyn DeltaStore> {
        let manager = RedisConnectionManager::new(self.redis.redis_url()).unwrap();
        let pool = pool().build_unchecked(manager);
        Arc::new(RedisStore::from_r2d2_redis(pool, Prefix::default(), short()))
    }

    fn proxies(&self) -> impl Iterator<Item = &Arc<Proxy>> {
        [&self.redis].into_iter().chain(&self.database)
    }
}

fn pool<M: r2d2::ManageConnection>() -> r2d2::Builder<M> {
    let builder = r2d2::Pool::builder().max_size(2).min_idle(Some(0));
    builder.test_on_check_out(false).error_handler(Box::new(r2d2::NopErrorHandler))
}

/// So short that some replies come after their calls have ended.
fn short() -> RedisTimeouts {
    let mut timeouts = RedisTimeouts::default();
    timeouts.read = Duration::from_millis(200);
    timeouts
}

fn cut_off_redis(network: &Network) {
    let steps = ["generation", "scan", "claim", "verify", "ack"];
    cut_off_at_each(&steps, network, &network.redis);
}

fn cut_off_database(network: &Network) {
    let proxy = network.database.as_ref().expect("it has connections");
    cut_off_at_each(&["state", "begin", "upsert", "commit", "record"], network, proxy);
}

const COUNTERS: i64 = 20;

fn cut_off_at_each(steps: &[&'static str], network: &Network, proxy: &Arc<Proxy>) {
    let (counters, ledger) = (network.site.patient_counters(), network.ledger());
    let (mut rounds, mut cuts) = (0, 0);
    for &step in steps {
        for towards in [Towards::Server, Towards::Client] {
            for after in [0, 1, 5, 30, 100, 300] {
                let cut = Trouble { towards, after, kind: Kind::Cut };
                let place = Place { step, cut };
                count_each(&counters);
                rounds += 1;
                let process = process_cut_off(network, &ledger, proxy, place);
                let _ = process.sync(&SyncOptions::default());
                cuts += proxy.calm();
                // The same process goes on, or another one takes over.
                let other = network.site.counters_after(Duration::ZERO);
                let next = if rounds % 2 == 0 { process } else { other };
                finish(&next, place);
                check_each(&counters, rounds, place);
            }
        }
    }
    println!("{cuts} cuts in {rounds} rounds");
    assert!(cuts as i64 > rounds / 2, "{cuts} cuts in {rounds} rounds");
}

/// Before which step what happens.
#[derive(Debug, Clone, Copy)]
struct Place {
    step: &'static str,
    cut: Trouble,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of {} towards {:?}", self.cut.after, self.step, self.cut.towards)
    }
}

/// A process whose connection is cut some bytes after a step has begun.
fn process_cut_off(
    network: &Network,
    ledger: &Arc<dyn Ledger>,
    proxy: &Arc<Proxy>,
    place: Place,
) -> Counters {
    let proxy = Arc::clone(proxy);
    let faults = Faults::calling_once_before(place.step, move || proxy.prepare(place.cut));
    let ledger = FaultyLedger { inner: Arc::clone(ledger), faults: Arc::clone(&faults) };
    let store = FaultyStore::new(network.store(patient()), &faults);
    Counters::from_parts(impatient(), Arc::new(store), Arc::new(ledger))
}

fn count_each(counters: &Counters) {
    counters.increment_many((0..COUNTERS).map(|id| (post(id), "views", id + 1))).unwrap();
}

fn finish(process: &Counters, place: Place) {
    let options = SyncOptions::default();
    let report = wait_for("a sync in time", || sync_unless_redis_is_busy(process, &options));
    assert!(report.is_clean() && report.busy == 0, "{report:?} after {place}");
}

fn check_each(counters: &Counters, rounds: i64, place: Place) {
    for id in 0..COUNTERS {
        let expected = rounds * (id + 1);
        assert_eq!(counters.baseline(post(id), "views").unwrap(), expected, "{id} after {place}");
        assert_eq!(counters.get(post(id), "views").unwrap(), expected, "{id} after {place}");
    }
}

const AT_A_TIME: usize = 50;

/// One trouble follows another, while writers on all kinds of pools count, others read, and two
/// sync.
fn random_trouble(network: &Network) {
    let mut choices = choices("trouble");
    let books = Arc::new(Books::of(AT_A_TIME));
    drop(network.site.counters()); // makes the tables
    let counters = |store, config| Counters::from_parts(config, store, network.ledger());
    let writers = [
        counters(network.store(short()), Config::default()),
        counters(network.store(short()), Config::default()),
        counters(network.store_on_applications_pool(), Config::default()),
        counters(network.store_on_r2d2_redis_pool(), Config::default()),
    ];
    let readers = [(); 2].map(|()| counters(network.store(short()), Config::default()));
    let syncs = [
        counters(network.store_on_applications_pool(), Config::default()),
        counters(network.store(short()), impatient()),
    ];
    network.proxies().for_each(|proxy| proxy.trouble(choices.fork()));
    let traffic = Traffic::start(&books, writers, readers, &mut choices);
    let (passes, is_over) = (Passes::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        let syncs = syncs.map(|process| scope.spawn(|| sync_until(&is_over, process, &passes)));
        thread::sleep(load_time(Duration::from_secs(6)));
        // On a busy machine fewer of them get through.
        let come_through = || passes.come_through.load(SeqCst) > 0;
        wait_for("a sync to come through", || {
            (come_through() || syncs.iter().any(ScopedJoinHandle::is_finished)).then_some(())
        });
        is_over.store(true, SeqCst);
        syncs.into_iter().for_each(|sync| sync.join().expect("reports are as they should be"));
    });
    traffic.stop();
    let troubles = network.proxies().map(|proxy| proxy.calm()).sum::<usize>();
    wait_until_all_has_arrived(&network.site);
    network.site.last_sync();
    let totals = books.check(&network.site);
    println!("{troubles} troubles, {passes:?}: {totals}");
    assert!(troubles > 0 && passes.come_through.into_inner() > 0 && totals.reads > 0);
}

/// What became of the passes of several processes.
#[derive(Debug, Default)]
struct Passes {
    come_through: AtomicU32,
    ended_early: AtomicU32,
}

fn sync_until(is_over: &AtomicBool, process: Counters, passes: &Passes) {
    while !is_over.load(SeqCst) {
        let ended_early = match process.sync(&SyncOptions::default()) {
            Err(error) => Some(error),
            Ok(mut report) => {
                let stopped = report.stopped.take();
                report.postponed = Default::default();
                // A row whose connection ended each time may be one that the server cannot take.
                let failed = std::mem::take(&mut report.failed);
                let is_lost = |it: &FailedClaim| matches!(it.error, Error::Unreachable { .. });
                assert!(failed.iter().all(is_lost), "{failed:?}");
                assert!(report.is_clean(), "{report:?}");
                stopped
            }
        };
        if let Some(why) = &ended_early {
            assert!(is_of_network(why), "a sync failed: {why:?}");
        }
        let which = if ended_early.is_some() { &passes.ended_early } else { &passes.come_through };
        which.fetch_add(1, SeqCst);
    }
}

fn is_of_network(error: &Error) -> bool {
    matches!(
        error,
        Error::Core(StoreError::Store { .. }) | Error::Unreachable { .. } | Error::Database { .. }
    )
}

/// An increment that a writer has given up may still be under way, as long as its connection
/// exists.
fn wait_until_all_has_arrived(site: &Site) {
    let mut bare = site.redis().bare();
    wait_for("all other connections to end", || {
        let clients: String = redis::cmd("CLIENT").arg("LIST").query(&mut bare).unwrap();
        (clients.lines().count() == 1).then_some(())
    });
}
