//! What an application's own tests do with counters: it must be easy, and leave nothing behind.

use counter_diesel::error::BuildProblem;
use counter_diesel::ledger::TableName;
use counter_diesel::store::Prefix;
use counter_diesel::{Counters, Error, HasCounters, Owner, SyncOptions, sqlite_pool};
use counter_tests::fixtures::{post, user};
use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool, TestCustomizer};

type SqlitePool = Pool<ConnectionManager<SqliteConnection>>;

fn pool_in_memory(max_size: u32) -> SqlitePool {
    Pool::builder().max_size(max_size).build(ConnectionManager::new(":memory:")).unwrap()
}

#[test]
fn everything_works_in_memory_with_a_pool_of_one() {
    let counters = Counters::builder(pool_in_memory(1)).memory().build().unwrap();
    counters.run_pending_migrations().unwrap();
    counters.increment(post(1), "views", 2).unwrap();
    let worker = counters.spawn_sync(std::time::Duration::from_secs(3600)).unwrap();
    assert_eq!(worker.stop().unwrap().applied, 1);
    assert_eq!(counters.baseline(post(1), "views").unwrap(), 2);
    counters.set(post(1), "views", 9).unwrap();
    assert_eq!(counters.get(post(1), "views").unwrap(), 9);
}

#[test]
fn a_larger_pool_on_a_database_in_memory_is_refused() {
    let error = Counters::builder(pool_in_memory(2)).memory().build().unwrap_err();
    assert!(error.to_string().contains("max_size of 1"), "{error}");
}

#[test]
fn a_pool_whose_transactions_are_never_committed_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("app.sqlite");
    let file = file.to_str().unwrap();
    let pool = || -> SqlitePool {
        let customizer = Box::new(TestCustomizer);
        let builder = Pool::builder().max_size(1).connection_customizer(customizer);
        builder.build(ConnectionManager::new(file)).unwrap()
    };
    {
        let counters = Counters::builder(pool()).memory().build().unwrap();
        assert_eq!(counters.run_pending_migrations().unwrap().len(), 4);
        counters.increment(post(1), "views", 2).unwrap();
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        counters.set(post(1), "likes", 5).unwrap();
        assert_eq!(counters.get(post(1), "views").unwrap(), 2);
        assert_eq!(counters.baseline(post(1), "likes").unwrap(), 5);
    }
    let mut conn = SqliteConnection::establish(file).unwrap();
    assert!(conn.batch_execute("SELECT 1 FROM model_counters").is_err(), "something was committed");
}

#[test]
fn reads_work_in_a_test_transaction_on_the_callers_connection() {
    let folder = tempfile::tempdir().unwrap();
    let pool = sqlite_pool(folder.path().join("app.sqlite").to_str().unwrap(), 4).unwrap();
    let counters = Counters::builder(pool.clone()).memory().build().unwrap();
    counters.run_pending_migrations().unwrap();
    let mut conn = pool.get().unwrap();
    conn.begin_test_transaction().unwrap();
    conn.batch_execute(
        "INSERT INTO model_counters (owner_type, owner_id, key, count) VALUES ('post', 1, 'views', 40)",
    )
    .unwrap();
    counters.increment(post(1), "views", 2).unwrap();
    let mut on = counters.on(&mut conn);
    assert_eq!(on.get(post(1), "views").unwrap(), 42);
    assert_eq!(on.get_many([(post(1), "likes"), (post(1), "views")]).unwrap(), [0, 42]);
    assert_eq!(on.all(post(1)).unwrap(), [("views".to_owned(), 42)].into());
    assert_eq!(on.baseline(post(1), "views").unwrap(), 40);
    assert_eq!(counters.get(post(1), "views").unwrap(), 2, "others do not see the transaction");
}

#[test]
fn a_missing_store_comes_out_of_build_and_a_bad_option_does_not_get_there() {
    let error = Counters::builder(pool_in_memory(1)).build().unwrap_err();
    assert!(error.to_string().contains(".memory()"), "{error}");
    assert!(matches!(error, Error::Build(BuildProblem::NoStore)), "{error:?}");
    "app".parse::<Prefix>().unwrap_err();
    "{:".parse::<Prefix>().unwrap_err();
    "a.b.c".parse::<TableName>().unwrap_err();
}

#[test]
fn migrations_run_once_and_from_many_threads_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("app.sqlite");
    let run = || {
        // No patience with a locked file: the retries are ours.
        let manager = ConnectionManager::<SqliteConnection>::new(file.to_str().unwrap());
        let pool = Pool::builder().max_size(1).build(manager).unwrap();
        Counters::builder(pool).memory().build().unwrap().run_pending_migrations().unwrap().len()
    };
    let run_by_each = std::thread::scope(|scope| {
        let threads = (0..4).map(|_| scope.spawn(run)).collect::<Vec<_>>();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
    });
    assert_eq!(run_by_each, 4);
    assert_eq!(run(), 0);
}

#[test]
fn a_schema_may_have_the_name_of_the_table() {
    let pool = pool_in_memory(1);
    pool.get().unwrap().batch_execute("ATTACH ':memory:' AS model_counters").unwrap();
    let builder =
        Counters::builder(pool).memory().table_name("model_counters.hits".parse().unwrap());
    let counters = builder.build().unwrap();
    counters.run_pending_migrations().unwrap();
    counters.increment(post(1), "views", 1).unwrap();
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    assert_eq!(counters.baseline(post(1), "views").unwrap(), 1);
}

#[test]
fn a_row_that_is_no_counter_hides_none() {
    let pool = pool_in_memory(1);
    let counters = Counters::builder(pool.clone()).memory().build().unwrap();
    counters.run_pending_migrations().unwrap();
    let insert = "INSERT INTO model_counters (owner_type, owner_id, key, count) VALUES";
    let rows = format!("{insert} ('post', 1, 'views', 4), ('post', 1, '', 5)");
    pool.get().unwrap().batch_execute(&rows).unwrap();
    assert_eq!(counters.all(post(1)).unwrap(), [("views".to_owned(), 4)].into());
}

#[test]
fn counters_can_be_shared_by_threads() {
    fn assert_shareable<T: Send + Sync + 'static>() {}
    assert_shareable::<Counters>();
    assert_shareable::<counter_diesel::CounterHandle>();
    assert_shareable::<counter_diesel::SyncWorker>();
    assert_shareable::<Error>();
}

mod other_table {
    use super::*;

    counter_diesel::model_counters!(hits);

    #[test]
    fn another_table_name_is_used_everywhere() {
        let pool = pool_in_memory(1);
        let build = |name: &str| {
            let counters = Counters::builder(pool.clone())
                .memory()
                .table_name(name.parse().unwrap())
                .build()
                .unwrap();
            counters.run_pending_migrations().unwrap();
            counters
        };
        for (name, by) in [("hits", 1), ("main.select", 2), ("model_counters", 3)] {
            let counters = build(name);
            counters.increment(post(1), "views", by).unwrap();
            assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
            counters.increment_many((0..3).map(|n| (post(1), format!("k{n}"), by))).unwrap();
            assert_eq!(counters.get_many([(post(1), "views"), (post(1), "k1")]).unwrap(), [by, by]);
            counters.delete(post(1), "k0").unwrap();
            assert_eq!(counters.all(post(1)).unwrap().len(), 3);
        }
        let rows = hits::table
            .select((hits::key, hits::count))
            .load::<(String, i64)>(&mut *pool.get().unwrap());
        assert_eq!(rows.unwrap(), [("views".to_owned(), 1)]);
    }
}

mod rows {
    use super::*;
    use counter_diesel::schema::ModelCounter;
    use counter_diesel::schema::model_counters;

    #[test]
    fn rows_are_typed_and_can_be_asked_for_by_owner() {
        let pool = pool_in_memory(1);
        let counters = Counters::builder(pool.clone()).memory().build().unwrap();
        counters.run_pending_migrations().unwrap();
        let owners = [1, 2, 3].map(post);
        for (owner, key, by) in
            [(0, "views", 5), (0, "likes", -1), (1, "views", 7), (2, "views", 9)]
        {
            counters.increment(&owners[owner], key, by).unwrap();
        }
        counters.increment(user(1), "views", 100).unwrap();
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        let conn = &mut *pool.get().unwrap();
        let of_one = ModelCounter::of(&owners[0])
            .unwrap()
            .order(model_counters::key)
            .select(ModelCounter::as_select())
            .load(conn)
            .unwrap();
        let seen = of_one
            .iter()
            .map(|row| (row.owner_type.as_str(), row.owner_id, row.key.as_str(), row.count));
        assert_eq!(seen.collect::<Vec<_>>(), [("post", 1, "likes", -1), ("post", 1, "views", 5)]);
        assert!(of_one.iter().all(|row| row.claim_seq > 0 && row.created_at <= row.updated_at));
        let of_many =
            ModelCounter::of_many(owners[0].owner_type(), [owners[1].id(), owners[2].id()])
                .unwrap()
                .select(model_counters::count)
                .order(model_counters::owner_id)
                .load::<i64>(conn)
                .unwrap();
        assert_eq!(of_many, [7, 9]);
    }
}

/// The traits of a model can be used without the derive.
#[test]
fn a_model_is_what_implements_the_trait() {
    struct Page;
    impl HasCounters for Page {
        const OWNER_TYPE: counter_diesel::query::OwnerType =
            counter_diesel::query::OwnerType::from_static("page");
        const KEYS: &'static [counter_diesel::CounterKey] = &[];
        fn counter_owner_id(
            &self,
        ) -> Result<counter_diesel::OwnerId, counter_diesel::error::Invalid> {
            counter_diesel::ToOwnerId::to_owner_id(&7)
        }
    }
    let counters = Counters::builder(pool_in_memory(1)).memory().build().unwrap();
    counters.run_pending_migrations().unwrap();
    Page.increment_counter(&counters, "views", 1).unwrap();
    assert_eq!(counters.get(Owner::new("page", 7).unwrap(), "views").unwrap(), 1);
}
