//! What cannot be reached, what a user with limited rights may not see, and what is never shown.

use std::sync::Arc;

use counter_core::{Config, Confirmation, InspectStore as _, RedisStore};
use counter_diesel::check::FindingCode as Code;
use counter_diesel::check::Severity::{Error, Warning};
use counter_diesel::{Counters, SyncOptions, mysql_pool, postgres_pool};
use counter_tests::database::{self, OwnDatabase};
use counter_tests::fixtures::post;
use counter_tests::servers::Durability;
use counter_tests::servers::mariadb::MariaDb;
use counter_tests::servers::postgres::Postgres;
use counter_tests::servers::redis::RIGHTS;
use counter_tests::servers::{RedisServer, postgres};
use diesel::PgConnection;
use diesel::connection::SimpleConnection as _;

use super::{CheckSite, DURABLE, found, only};

const SECRET: &str = "s3cret";

fn with_user(site: &CheckSite, rights: &[&str]) -> Counters {
    let password = format!(">{SECRET}");
    let words = ["ACL", "SETUSER", "app", "reset", "on", &password, "~counter:*"];
    let () = site.redis_words(&[&words[..], rights].concat());
    site.counters_of(&format!("app:{SECRET}"))
}

#[test]
fn what_a_limited_user_may_not_see_is_a_finding_and_no_error() {
    let site = CheckSite::new();
    let counters = with_user(&site, &RIGHTS);
    let check_up = counters.check();
    assert_eq!(found(&check_up), [(Warning, Code::StoreUnchecked); 2], "{check_up}");
    let shown = check_up.to_string();
    for (subjects, command) in [
        ("version, maxmemory-policy, persistence, role, cluster:", "'info'"),
        ("appendfsync, save:", "'config|get'"),
    ] {
        let line = shown.lines().find(|line| line.contains(subjects)).unwrap();
        assert!(line.contains("NOPERM") && line.contains(command), "{line}");
    }
}

#[test]
fn each_right_that_is_missing_is_said_and_everything_else_is_checked() {
    let site = CheckSite::new();
    let _: i64 = site.redis("RPUSH counter:user:1:y a");
    let all = [&RIGHTS[..], &["+info", "+config|get", "+pttl"]].concat();
    for missing in ["+time", "+scan", "+mget", "+type", "+get", "+info", "+config|get", "+pttl"] {
        let rights = all.iter().copied().filter(|right| *right != missing).collect::<Vec<_>>();
        let check_up = with_user(&site, &rights).check();
        let unchecked = |code| code == Code::StoreUnchecked;
        let finding = check_up.findings.iter().find(|finding| unchecked(finding.code)).unwrap();
        assert!(finding.message.contains("NOPERM"), "{missing}: {check_up}");
        assert_eq!(check_up.store.is_some(), missing != "+info", "{missing}: {check_up}");
        let finds_list = !["+scan", "+mget", "+type"].contains(&missing);
        let has_list = found(&check_up).contains(&(Warning, Code::ForeignNames));
        // Without GET there is no high water by itself, but a look brings it along.
        assert_eq!(has_list, finds_list, "{missing}: {check_up}");
    }
    assert_eq!(found(&with_user(&site, &all).check()), [(Warning, Code::ForeignNames)]);
}

/// Everything that a check-up asks for, except these.
fn without(missing: &[&str]) -> Vec<&'static str> {
    let all = RIGHTS.into_iter().chain(["+info", "+config|get", "+pttl"]);
    all.filter(|right| !missing.contains(right)).collect()
}

#[test]
fn a_user_who_may_not_run_scripts_learns_that_nothing_is_moved() {
    for missing in ["+evalsha", "+script|load"] {
        let site = CheckSite::new();
        let counters = with_user(&site, &without(&[missing]));
        let finding = only(&counters.check(), Error, Code::StoreRefusesSyncs);
        assert!(finding.message.contains("NOPERM"), "{finding}");
        counters.increment(post(1), "views", 1).unwrap();
        counters.sync(&SyncOptions::default()).unwrap_err();
    }
}

#[test]
fn each_command_that_only_scripts_run_is_missed_where_the_user_may_not_run_it() {
    let site = CheckSite::new();
    let everything = with_user(&site, &without(&[]));
    assert_eq!(found(&everything.check()), []);
    for (missing, name) in [
        ("+set", "SET"),
        ("+mset", "MSET"),
        ("+del", "DEL"),
        ("+exists", "EXISTS"),
        ("+pttl", "PTTL"),
        ("+persist", "PERSIST"),
        ("+hget", "HGET"),
        ("+hgetall", "HGETALL"),
        ("+zadd", "ZADD"),
        ("+zrange", "ZRANGE"),
        ("+zrangebyscore", "ZRANGEBYSCORE"),
        ("+zremrangebyrank", "ZREMRANGEBYRANK"),
        ("+zscore", "ZSCORE"),
        ("+hset", "HSET"),
        ("+hlen", "HLEN"),
        ("+hscan", "HSCAN"),
        ("+hmget", "HMGET"),
        ("+hdel", "HDEL"),
    ] {
        let finding =
            only(&with_user(&site, &without(&[missing])).check(), Error, Code::StoreRefusesSyncs);
        assert!(finding.message.contains(&format!("may not run {name},")), "{finding}");
    }
    // The scripts are known by now, and are run until the server is started again.
    let finding = only(
        &with_user(&site, &without(&["+script|load"])).check(),
        Error,
        Code::StoreRefusesSyncs,
    );
    assert!(finding.message.contains("SCRIPT LOAD"), "{finding}");
    let several = with_user(&site, &without(&["+set", "+del"]));
    let finding = only(&several.check(), Error, Code::StoreRefusesSyncs);
    assert!(finding.message.contains("SET, DEL"), "{finding}");
    several.increment(post(1), "views", 1).unwrap();
    several.sync(&SyncOptions::default()).unwrap_err();
}

#[test]
fn a_user_whose_claims_may_not_wait_is_reported() {
    let site = CheckSite::new();
    let _ = with_user(&site, &without(&[]));
    let url = site.redis.url().replace("redis://", &format!("redis://app:{SECRET}@"));
    for confirmation in [Confirmation::by_replicas(1), Confirmation::by_disk()] {
        let store = RedisStore::builder(&url).confirm_claims(confirmation).build().unwrap();
        let facts = store.inspect().unwrap();
        let refused = facts.missing_rights.known().unwrap().as_ref().unwrap();
        // The second one is not even known to a server before Redis 7.2.
        assert!(refused.len() == 1 && refused[0].starts_with("WAIT"), "{refused:?}");
    }
}

#[test]
fn a_user_who_may_not_count_is_reported() {
    let site = CheckSite::new();
    let counters = with_user(&site, &without(&["+incrby"]));
    let finding = only(&counters.check(), Error, Code::StoreRefusesIncrements);
    assert!(finding.message.contains("NOPERM"), "{finding}");
    counters.increment(post(1), "views", 1).unwrap_err();
}

#[test]
fn a_server_that_is_full_is_said_to_count_nothing() {
    let site = CheckSite::new();
    let counters = site.counters();
    counters.increment(post(1), "views", 1).unwrap();
    let () = site.redis("CONFIG SET maxmemory 1");
    let check_up = counters.check();
    let both = [(Error, Code::StoreRefusesIncrements), (Warning, Code::StoreMemoryFull)];
    assert_eq!(found(&check_up), both);
    assert!(check_up.to_string().contains("OOM"), "{check_up}");
    counters.increment(post(1), "views", 1).unwrap_err();
    let () = site.redis("CONFIG SET maxmemory 0");
    assert_eq!(found(&counters.check()), []);
}

#[test]
fn a_store_that_cannot_be_reached_or_refuses_the_password_is_a_finding_that_does_not_show_it() {
    let mut site = CheckSite::new();
    let counters = site.counters_of(&format!("app:{SECRET}"));
    let finding = only(&counters.check(), Error, Code::StoreUnreachable);
    assert!(finding.message.contains("AuthenticationFailed"), "{finding}");
    assert_silent(&counters);
    site.redis.kill();
    let check_up = counters.check();
    let finding = only(&check_up, Error, Code::StoreUnreachable);
    assert!(finding.message.contains("refused"), "{finding}");
    assert!(check_up.store.is_none() && check_up.database.is_some(), "{check_up:?}");
    assert_silent(&counters);
    let locked = CheckSite::with_redis(RedisServer::start_with(&["--requirepass", "another"]));
    let finding = only(&locked.check(), Error, Code::StoreUnreachable);
    assert!(finding.message.contains("NOAUTH"), "{finding}");
}

fn assert_silent(counters: &Counters) {
    let check_up = counters.check();
    let said = format!("{check_up} {check_up:?} {counters:?}");
    assert!(!said.contains(SECRET), "{said}");
}

#[test]
fn a_postgres_that_is_away_or_refuses_is_a_finding_that_does_not_show_the_password() {
    let mut server = Postgres::new(Durability::On);
    let url = server.url("postgres").replace("user=postgres", "user=app");
    let url = format!("{url}&password={SECRET}");
    let superuser = format!("CREATE ROLE app LOGIN SUPERUSER PASSWORD '{SECRET}'");
    <PgConnection as diesel::Connection>::establish(&server.url("postgres"))
        .unwrap()
        .batch_execute(&superuser)
        .unwrap();
    let redis = RedisServer::start_with(&DURABLE);
    let counters =
        Counters::builder(postgres_pool(&url, 2).unwrap()).redis(&redis.url()).build().unwrap();
    counters.run_pending_migrations().unwrap();
    assert_eq!(found(&counters.check()), []);
    server.stop();
    only(&counters.check(), Error, Code::DatabaseUnreachable);
    assert_silent(&counters);
    // Both at once.
    drop(redis);
    let codes = found(&counters.check());
    assert_eq!(codes, [(Error, Code::DatabaseUnreachable), (Error, Code::StoreUnreachable)]);
    assert_silent(&counters);
}

#[test]
fn a_mariadb_that_is_away_or_refuses_is_a_finding_that_does_not_show_the_password() {
    let mut server = MariaDb::new(Durability::On);
    let mut root =
        <diesel::MysqlConnection as diesel::Connection>::establish(&server.url("mysql")).unwrap();
    root.batch_execute("CREATE DATABASE site").unwrap();
    let user = format!("CREATE USER app@localhost IDENTIFIED BY '{SECRET}'");
    root.batch_execute(&format!("{user}; GRANT ALL ON site.* TO app@localhost")).unwrap();
    let url = server.url("site").replace("root@", &format!("app:{SECRET}@"));
    let redis = RedisServer::start_with(&DURABLE);
    let counters =
        Counters::builder(mysql_pool(&url, 2).unwrap()).redis(&redis.url()).build().unwrap();
    counters.run_pending_migrations().unwrap();
    assert_eq!(found(&counters.check()), []);
    // New connections are refused, and the pool's have ended.
    root.batch_execute("ALTER USER app@localhost IDENTIFIED BY 'another'").unwrap();
    drop(root);
    server.stop();
    server.start();
    let finding = only(&counters.check(), Error, Code::DatabaseUnreachable);
    assert!(finding.message.contains("Access denied"), "{finding}");
    assert_silent(&counters);
    server.stop();
    only(&counters.check(), Error, Code::DatabaseUnreachable);
    assert_silent(&counters);
}

#[test]
fn a_user_of_the_database_without_rights_learns_what_is_missing() {
    let site = CheckSite::with(RedisServer::start_with(&DURABLE), database::sqlite());
    let database = OwnDatabase::<PgConnection>::in_server(&postgres::shared_url());
    let as_role = |rights: &str| {
        let counters = limited(&site, &database, rights);
        let check_up = counters.check();
        let codes =
            found(&check_up).into_iter().filter(|(_, code)| *code != Code::DatabaseDurability);
        (codes.collect::<Vec<_>>(), check_up.to_string())
    };
    let all = "SELECT, INSERT, UPDATE, DELETE";
    assert_eq!(as_role(all).0, []);
    let (codes, shown) = as_role("SELECT, INSERT, UPDATE");
    assert_eq!(codes, [(Error, Code::DatabaseRefusesWrites)]);
    assert!(shown.contains("permission denied for table model_counters"), "{shown}");
    let (codes, _) = as_role("INSERT, UPDATE, DELETE");
    assert!(codes.contains(&(Error, Code::SchemaUnusable)), "{codes:?}");
    assert!(codes.contains(&(Warning, Code::DatabaseUnchecked)), "{codes:?}");
}

/// Counters of a role that has these rights on the tables.
fn limited(site: &CheckSite, database: &OwnDatabase<PgConnection>, rights: &str) -> Counters {
    use counter_tests::database::Database as _;
    let ledger = database.ledger("model_counters");
    ledger.run_pending_migrations().unwrap();
    let role = format!("app_{}", std::process::id());
    let mut conn = database.connect();
    let _ = conn.batch_execute(&format!("CREATE ROLE {role}"));
    conn.batch_execute(&format!(
        "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}; \
         GRANT {rights} ON ALL TABLES IN SCHEMA public TO {role}"
    ))
    .unwrap();
    let url = format!("{}&options=-c%20role%3D{role}", database.url());
    let pool = postgres_pool(&url, 1).unwrap();
    let config = Config::default();
    let store = site.store_at(&site.redis.url(), &config);
    let table = config.table_name.clone();
    let ledger = counter_diesel::ledger::PoolLedger::new(pool, table).unwrap();
    Counters::from_parts(config, store, Arc::new(ledger))
}
