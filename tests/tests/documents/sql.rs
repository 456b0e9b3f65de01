use counter_core::Config;
use counter_diesel::{Counters, Owner, RedisStore};
use counter_tests::database::{self, Database};
use counter_tests::fixtures::post;
use std::sync::Arc;

use super::document::document;
use super::sessions::Shell;

/// The databases, by the name that stands above their SQL, and how they quote.
fn databases() -> [(&'static str, Box<dyn Database>); 3] {
    [
        ("PostgreSQL", database::postgres()),
        ("MariaDB", database::mariadb()),
        ("SQLite", database::sqlite()),
    ]
}

/// The SQL that is shown for a database, or for all.
fn shown_for(name: &str) -> Vec<String> {
    let all = document("docs/migrating.md").code_in("sql").into_iter();
    let first_line = format!("-- {name}\n");
    all.filter_map(|code| code.strip_prefix(&first_line).map(str::to_owned)).collect()
}

fn counters(shell: &Shell) -> Counters {
    let store = RedisStore::builder(shell.redis.url()).build().unwrap();
    let ledger = shell.database.ledger("model_counters");
    Counters::from_parts(Config::default(), Arc::new(store), ledger)
}

#[test]
fn a_column_is_moved_with_what_was_counted_meanwhile_and_no_second_time() {
    for (name, database) in databases() {
        let shell = Shell::on(database);
        shell.printed_by("counter migrate");
        let execute = |sql: &str| shell.database.execute(sql).unwrap();
        execute(
            "CREATE TABLE posts (id BIGINT NOT NULL PRIMARY KEY, views BIGINT NOT NULL DEFAULT 0)",
        );
        execute("INSERT INTO posts (id, views) VALUES (1, 10), (2, 20), (3, 0), (4, -4)");
        // Counted in the new place: one in the table, one still pending.
        shell.printed_by(
            "counter increment post:1 views 1; counter sync; counter increment post:1 views 2",
        );
        let blocks = shown_for(name);
        assert_eq!(blocks.len(), 1, "{name}");
        for _ in 0..2 {
            execute(&blocks[0]);
            let moved = (1..5).map(|id| counters(&shell).get(post(id), "views").unwrap());
            assert_eq!(moved.collect::<Vec<_>>(), [13, 20, 0, -4], "{name}");
        }
        // A straggler of the old version.
        execute("UPDATE posts SET views = views + 1 WHERE id = 2");
        execute(&blocks[0]);
        shell.printed_by("counter sync");
        let moved = (1..5).map(|id| counters(&shell).baseline(post(id), "views").unwrap());
        assert_eq!(moved.collect::<Vec<_>>(), [13, 21, 0, -4], "{name}");
    }
}

#[test]
fn the_indexes_for_the_highest_counters_can_be_made_on_every_database() {
    let indexes = ["docs/periods.md", "docs/queries.md"].map(|name| {
        let [index] = document(name).code_in("sql").try_into().unwrap();
        index
    });
    for (name, database) in databases() {
        database.ledger("model_counters").run_pending_migrations().unwrap();
        for index in &indexes {
            assert_eq!(database.execute(index), Ok(()), "{name}");
        }
    }
}

/// Moves the old table aside, makes ours and copies the rows as the guide says for this version.
fn move_table_of_php(name: &str, shell: &Shell, version: &str) {
    let quote = if name == "MariaDB" { '`' } else { '"' };
    let run = |sql: &str| shell.database.execute(&sql.replace('`', &quote.to_string())).unwrap();
    let [aside] = shown_for("all, both").try_into().unwrap();
    run(&aside);
    let session = &document("docs/migrating.md").code_in("console")[0];
    assert_eq!(shell.replay(session), 1, "{name}");
    let of_database = if name == "MariaDB" { name } else { "PostgreSQL and SQLite" };
    let copies = ["all", of_database].map(|kind| shown_for(&format!("{kind}, {version}"))).concat();
    let [copy] = copies.try_into().unwrap();
    run(&copy);
}

#[test]
fn the_table_of_the_php_package_1_0_is_moved_with_what_is_pending() {
    for (name, database) in databases() {
        let shell = Shell::on(database);
        let quote = if name == "MariaDB" { '`' } else { '"' };
        let run =
            |sql: &str| shell.database.execute(&sql.replace('`', &quote.to_string())).unwrap();
        run(
            "CREATE TABLE model_counters (id BIGINT NOT NULL PRIMARY KEY, owner_type VARCHAR(255) NOT NULL, \
             owner_id BIGINT NOT NULL, `key` VARCHAR(100) NOT NULL, count BIGINT NOT NULL DEFAULT 0, \
             created_at TIMESTAMP NULL, updated_at TIMESTAMP NULL, UNIQUE (owner_type, owner_id, `key`))",
        );
        run("INSERT INTO model_counters (id, owner_type, owner_id, `key`, count) \
             VALUES (5, 'post', 1, 'views', 40), (6, 'post', 2, 'views', 7)");
        shell.printed_by("redis-cli INCRBY counter:post:1:views 2");
        move_table_of_php(name, &shell, "1.0");
        shell.printed_by("counter sync");
        let moved = [1, 2].map(|id| counters(&shell).baseline(post(id), "views").unwrap());
        assert_eq!(moved, [42, 7], "{name}");
    }
}

#[test]
fn the_table_of_the_php_package_2_x_is_moved_with_all_kinds_of_rows() {
    for (name, database) in databases() {
        let shell = Shell::on(database);
        let is_mariadb = name == "MariaDB";
        let quote = if is_mariadb { '`' } else { '"' };
        let run =
            |sql: &str| shell.database.execute(&sql.replace('`', &quote.to_string())).unwrap();
        run(
            "CREATE TABLE model_counters (id BIGINT NOT NULL PRIMARY KEY, owner_type VARCHAR(255) NULL, \
             owner_id BIGINT NULL, `key` VARCHAR(100) NOT NULL, `interval` VARCHAR(20) NULL, \
             period_start DATE NULL, count BIGINT NOT NULL DEFAULT 0, created_at TIMESTAMP NULL, \
             updated_at TIMESTAMP NULL, UNIQUE (owner_type, owner_id, `key`, `interval`, period_start))",
        );
        let class = if is_mariadb { "App\\\\Models\\\\User" } else { "App\\Models\\User" };
        run(&format!(
            "INSERT INTO model_counters (id, owner_type, owner_id, `key`, `interval`, period_start, count) \
             VALUES (1, 'post', 1, 'views', NULL, NULL, 40), (2, 'post', 2, 'views', NULL, NULL, 7), \
             (3, 'post', 2, 'views', 'day', '2026-11-27', 3), (4, 'post', 2, 'views', 'day', '2026-11-28', 4), \
             (5, 'post', 3, 'views', 'month', '2026-11-01', 9), (6, NULL, NULL, 'signups', NULL, NULL, 5), \
             (7, NULL, NULL, 'signups', NULL, NULL, 6), (8, '{class}', 7, 'logins', NULL, NULL, 12)"
        ));
        let pending = ["post:1:views", "post:2:views", "post:3:views", "global:0:signups"];
        for counter in pending.into_iter().chain(["app.models.user:7:logins"]) {
            shell.printed_by(&format!("redis-cli INCRBY counter:{counter} 100"));
        }
        move_table_of_php(name, &shell, "2.x");
        for _ in 0..2 {
            shell.printed_by("counter sync");
            let user = Owner::new("app.models.user", 7).unwrap();
            let moved = [1, 2, 3].map(|id| counters(&shell).baseline(post(id), "views").unwrap());
            assert_eq!(moved, [140, 107, 100], "{name}: an interval is no total");
            let global = counters(&shell).baseline(Owner::global(), "signups").unwrap();
            assert_eq!(global, 111, "{name}: without an owner there may be several rows");
            assert_eq!(counters(&shell).baseline(user, "logins").unwrap(), 112, "{name}");
        }
        run("CREATE TABLE proof (n BIGINT NOT NULL CHECK (n = 5))");
        run("INSERT INTO proof SELECT COUNT(*) FROM model_counters");
    }
}
