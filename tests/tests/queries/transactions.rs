//! Increments that wait for a commit.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use counter_diesel::error::CommittedNotCounted;
use counter_diesel::query::OwnerOf;
use counter_diesel::{AfterCommit, Error, HasCounters};
use counter_tests::query_world::QueryWorld;
use counter_tests::suite::Case;
use diesel::connection::{InstrumentationEvent, SimpleConnection, TransactionManager};
use diesel::prelude::{Connection as _, *};
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::Connection;
use super::models::*;

type Manager = <Connection as diesel::Connection>::TransactionManager;

/// What the application's own work fails with.
#[derive(Debug)]
pub(super) enum Failed {
    Counters(Error),
    Database(DieselError),
    Work,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Counters(error)
    }
}

impl From<DieselError> for Failed {
    fn from(error: DieselError) -> Self {
        Self::Database(error)
    }
}

pub(super) const CASES: &[Case<QueryWorld<Connection>>] = &[
    ("what a transaction gathers is counted once it is committed", |world| {
        let conn = &mut world.connect();
        let at_commit = std::sync::Arc::new(std::sync::Mutex::new(None));
        let (counters, sink) = (world.counters.clone(), std::sync::Arc::clone(&at_commit));
        conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::CommitTransaction { .. } = event {
                *sink.lock().unwrap() = Some(counters.get(post(1), "views").unwrap());
            }
        });
        let title = world.counters.transaction(conn, |conn, after| {
            add_post(conn, 1)?;
            after.increment(post(1), PostCounter::Views, 5)?;
            after.decrement(post(1), "views", 2)?;
            after.increment(&Post { id: 2, title: String::new() }, PostCounter::Likes, 1)?;
            let title = posts::table.find(1).select(posts::title).first::<String>(conn)?;
            Ok::<_, Failed>(title)
        });
        assert_eq!(title.unwrap(), "Post 1");
        assert_eq!(*at_commit.lock().unwrap(), Some(0));
        assert_kept_and_counted(world, 1, 3);
        assert_eq!(world.counters.get(post(2), PostCounter::Likes).unwrap(), 1);
    }),
    ("a pooled connection will do, and a box for the error", |world| {
        let done = world.counters.transaction(&mut world.pool.get().unwrap(), |conn, after| {
            add_post(conn, 1)?;
            after.increment(post(1), PostCounter::Views, 1)?;
            Ok::<_, Box<dyn std::error::Error>>(())
        });
        done.unwrap();
        assert_kept_and_counted(world, 1, 1);
    }),
    ("what fails is rolled back and not counted", |world| {
        let conn = &mut world.connect();
        let done = run(world, conn, |_, _| Err(Failed::Work));
        assert!(matches!(done, Err(Failed::Work)), "{done:?}");
        assert_kept_and_counted(world, 0, 0);
        let done = run(world, conn, |conn, _| Ok(add_post(conn, 1)?));
        let is_refused = matches!(
            &done,
            Err(Failed::Database(DieselError::DatabaseError(
                DatabaseErrorKind::UniqueViolation,
                _
            )))
        );
        assert!(is_refused, "{done:?}");
        assert_kept_and_counted(world, 0, 0);
        run(world, conn, |_, _| Ok(())).unwrap();
        assert_kept_and_counted(world, 1, 1);
    }),
    ("what panics is rolled back and not counted", |world| {
        let conn = &mut world.connect();
        let panicking = AssertUnwindSafe(|| {
            // Not a real panic: nothing is printed.
            run(world, conn, |_, _| std::panic::resume_unwind(Box::new("on purpose")))
        });
        assert!(catch_unwind(panicking).is_err());
        assert_kept_and_counted(world, 0, 0);
        run(world, conn, |_, _| Ok(())).unwrap();
        assert_kept_and_counted(world, 1, 1);
    }),
    ("a bad name is refused while there is something to roll back", |world| {
        let conn = &mut world.connect();
        for bad in ["", "a\0b", &"x".repeat(101)] {
            let done = run(world, conn, |_, after| Ok(after.increment(post(1), bad, 1)?));
            let Err(Failed::Counters(Error::Core(error))) = done else { panic!("{done:?}") };
            assert!(matches!(error, counter_core::Error::Invalid(_)), "{error:?}");
        }
        let done = run(world, conn, |_, after| Ok(after.decrement(post(1), "views", i64::MIN)?));
        let Err(Failed::Counters(error)) = done else { panic!("{done:?}") };
        assert!(matches!(error, Error::Core(counter_core::Error::NotCounted { .. })), "{error:?}");
        assert_kept_and_counted(world, 0, 0);
    }),
    ("a savepoint that is rolled back takes what it gathered along", |world| {
        let views = |after: &mut AfterCommit, by| after.increment(post(1), "views", by);
        let done = run(world, &mut world.connect(), |conn, after| {
            let inner = after.savepoint(conn, |conn, after| {
                add_post(conn, 2)?;
                views(after, 10)?;
                Err::<(), _>(Failed::Work)
            });
            assert!(matches!(inner, Err(Failed::Work)), "{inner:?}");
            after.savepoint(conn, |conn, after| {
                add_post(conn, 3)?;
                views(after, 100)?;
                // The inner one holds, but the outer does not.
                let failed = after.savepoint(conn, |conn, after| {
                    after.savepoint(conn, |_, after| Ok::<_, Failed>(views(after, 1_000)?))?;
                    Err::<(), _>(Failed::Work)
                });
                assert!(failed.is_err());
                Ok::<_, Failed>(())
            })
        });
        done.unwrap();
        assert_kept_and_counted(world, 2, 101);
    }),
    ("a transaction that is open already is refused before anything is done", |world| {
        let conn = &mut world.connect();
        conn.transaction(|conn| {
            let done = run(world, conn, |_, _| panic!("it must not run"));
            assert_refused(&done);
            add_post(conn, 5)
        })
        .unwrap();
        let done = run(world, conn, |conn, _| {
            let inner = run(world, conn, |_, _| panic!("it must not run"));
            assert_refused(&inner);
            Ok(())
        });
        done.unwrap();
        assert_kept_and_counted(world, 2, 1);
    }),
    ("the transaction of an application's tests is no obstacle", |world| {
        let conn = &mut world.connect();
        conn.begin_test_transaction().unwrap();
        assert!(run(world, conn, |_, _| Err(Failed::Work)).is_err());
        assert_eq!(views(world), 0);
        run(world, conn, |_, _| Ok(())).unwrap();
        assert_eq!(views(world), 1);
        assert_eq!(posts::table.count().get_result::<i64>(conn).unwrap(), 1);
        conn.transaction(|conn| {
            assert_refused(&run(world, conn, |_, _| Ok(())));
            diesel::QueryResult::Ok(())
        })
        .unwrap();
        assert_kept_and_counted(world, 0, 1);
    }),
    ("work that begins or ends transactions on its own is found out", |world| {
        let conn = &mut world.connect();
        let done = run(world, conn, |conn, _| Ok(Manager::begin_transaction(conn)?));
        assert_refused(&done);
        assert_kept_and_counted(world, 0, 0);
        let done = run(world, conn, |conn, _| Ok(Manager::rollback_transaction(conn)?));
        assert_refused(&done);
        assert_kept_and_counted(world, 0, 0);
        run(world, conn, |_, _| Ok(())).unwrap();
        assert_kept_and_counted(world, 1, 1);
    }),
    ("work that ends the transaction and begins another is found out", |world| {
        let done =
            run(world, &mut world.connect(), |conn, _| Ok(conn.batch_execute("ROLLBACK; BEGIN")?));
        assert!(matches!(done, Err(Failed::Counters(_))), "{done:?}");
        assert_kept_and_counted(world, 0, 0);
        let conn = &mut world.connect();
        for is_in_test in [false, true] {
            if is_in_test {
                conn.begin_test_transaction().unwrap();
                run(world, conn, |_, _| Ok(())).unwrap();
                diesel::delete(posts::table).execute(conn).unwrap();
            }
            let counted = views(world);
            let done = run(world, conn, |conn, _| {
                Manager::rollback_transaction(conn)?;
                Ok(Manager::begin_transaction(conn)?)
            });
            assert!(matches!(done, Err(Failed::Counters(_))), "{done:?}");
            assert_kept_and_counted(world, 0, counted);
            // The connection is good for the next.
            run(world, conn, |_, _| Err(Failed::Work)).unwrap_err();
        }
    }),
    ("a transaction that was over in the middle is not counted", |world| {
        let conn = &mut world.connect();
        let done = run(world, conn, |conn, _| Ok(conn.batch_execute("ROLLBACK")?));
        assert!(matches!(done, Err(Failed::Counters(_))), "{done:?}");
        assert_eq!(views(world), 0);
        assert_kept_and_counted(world, 0, 0);
    }),
    ("an error that the work passes over counts if and only if the rest is kept", |world| {
        let conn = &mut world.connect();
        let done = run(world, conn, |conn, _| {
            assert!(add_post(conn, 1).is_err());
            Ok(())
        });
        let kept = kept(world);
        assert_eq!(done.is_ok(), kept == 1, "{done:?}");
        assert_eq!(views(world), kept);
        // Whatever it was, the connection is good for the next.
        diesel::delete(posts::table).execute(conn).unwrap();
        run(world, conn, |_, _| Ok(())).unwrap();
        assert_eq!(views(world), kept + 1);
    }),
    ("committed but not counted is an error of its own, which says what is missing", |world| {
        world.counters.increment(post(1), "full", i64::MAX).unwrap();
        let created = RefCell::new(None);
        let done = run(world, &mut world.connect(), |_, after| {
            after.increment(post(1), "full", 7)?;
            after.increment(post(1), "views", 1)?;
            created.replace(Some(1));
            Ok(())
        });
        let Err(Failed::Counters(error)) = done else { panic!("{done:?}") };
        assert_eq!(
            error.to_string(),
            "the transaction was committed, but 1 of its 3 increments were not certainly counted, \
             the first for post:1:full"
        );
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("post:1:full"), "{source}");
        assert!(!error.is_outcome_unknown());
        let Error::CommittedNotCounted(committed) = error else { panic!("{error:?}") };
        let CommittedNotCounted { uncounted, gathered: 3, .. } = committed else {
            panic!("{committed:?}")
        };
        assert_eq!((uncounted[0].counter.as_str(), uncounted[0].by), ("post:1:full", 7));
        assert_eq!(created.take(), Some(1));
        assert_kept_and_counted(world, 1, 2);
    }),
];

/// Adds post 1 and gathers a view of it, after which something else is done.
pub(super) fn run(
    world: &QueryWorld<Connection>,
    conn: &mut Connection,
    then: impl FnOnce(&mut Connection, &mut AfterCommit) -> Result<(), Failed>,
) -> Result<(), Failed> {
    world.counters.transaction(conn, |conn, after| {
        add_post(conn, 1)?;
        after.increment(post(1), PostCounter::Views, 1)?;
        then(conn, after)
    })
}

pub(super) fn add_post(conn: &mut Connection, id: i64) -> QueryResult<()> {
    let values = (posts::id.eq(id), posts::title.eq(format!("Post {id}")));
    diesel::insert_into(posts::table).values(values).execute(conn)?;
    Ok(())
}

fn post(id: i64) -> OwnerOf<Post> {
    Post::counter_owner(id).unwrap()
}

fn views(world: &QueryWorld<Connection>) -> i64 {
    world.counters.get(post(1), PostCounter::Views).unwrap()
}

/// How many posts others see.
fn kept(world: &QueryWorld<Connection>) -> i64 {
    posts::table.count().get_result(&mut world.connect()).unwrap()
}

/// How many posts others see, and the views of the first.
pub(super) fn assert_kept_and_counted(world: &QueryWorld<Connection>, posts: i64, counted: i64) {
    assert_eq!((kept(world), views(world)), (posts, counted));
}

fn assert_refused(done: &Result<(), Failed>) {
    assert!(matches!(done, Err(Failed::Counters(Error::Transaction(_)))), "{done:?}");
}

/// The connection is ended just before it is asked to commit: whether it was is unknown.
#[allow(dead_code, reason = "SQLite has no connection that could be lost")]
pub(super) fn lose_connection_in_commit(
    world: &QueryWorld<Connection>,
    end_others: impl Fn() + Send + 'static,
) {
    let conn = &mut world.connect();
    conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::CommitTransaction { .. } = event {
            end_others();
        }
    });
    let done = run(world, conn, |_, _| Ok(()));
    let Err(Failed::Counters(error)) = done else { panic!("{done:?}") };
    assert!(!error.is_outcome_unknown());
    let Error::CommitUnknown { increments, .. } = error else { panic!("{error:?}") };
    let increments = increments.iter().map(|(id, by)| (id.as_str(), *by));
    assert_eq!(increments.collect::<Vec<_>>(), [("post:1:views", 1)]);
    assert_eq!(views(world), 0);
    // The connection is unusable now, and says so.
    let done = run(world, conn, |_, _| Ok(()));
    assert!(matches!(done, Err(Failed::Counters(Error::Unreachable { .. }))), "{done:?}");
}

/// The connection is lost before: nothing was committed, and that is known.
#[allow(dead_code, reason = "SQLite has no connection that could be lost")]
pub(super) fn lose_connection_in_work(world: &QueryWorld<Connection>, end_others: impl Fn()) {
    let done = run(world, &mut world.connect(), |_, _| {
        end_others();
        Ok(())
    });
    assert!(matches!(done, Err(Failed::Counters(Error::Unreachable { .. }))), "{done:?}");
    assert_kept_and_counted(world, 0, 0);
}

/// A constraint that is checked at the commit is violated.
#[allow(dead_code, reason = "MySQL has no such constraints")]
pub(super) fn violate_deferred_constraint(world: &QueryWorld<Connection>) {
    world.run(
        "CREATE TABLE notes (post_id BIGINT REFERENCES posts (id) DEFERRABLE INITIALLY DEFERRED)",
    );
    let conn = &mut world.pool.get().unwrap();
    let done = run(world, conn, |conn, _| Ok(conn.batch_execute("INSERT INTO notes VALUES (9)")?));
    let Err(Failed::Counters(error)) = done else { panic!("{done:?}") };
    let is_refused =
        matches!(error, Error::Database { step: counter_diesel::error::LedgerStep::Commit, .. });
    assert!(is_refused, "{error:?}");
    assert_kept_and_counted(world, 0, 0);
    run(world, conn, |_, _| Ok(())).unwrap();
    assert_kept_and_counted(world, 1, 1);
}
