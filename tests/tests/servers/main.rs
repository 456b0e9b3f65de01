//! Properties that only database servers have, and all of them.
#![allow(clippy::unwrap_used)]

mod binary_log;
mod mariadb_only;
mod postgres_only;
mod postgres_sockets;
mod statement_log;

use std::process::ExitCode;

use counter_tests::server_contract::{self, Act, ServerWorld};
use counter_tests::servers::Durability;
use counter_tests::servers::mariadb::{self, MariaDb};
use counter_tests::servers::postgres::{self, Postgres};
use counter_tests::suite::{self, WorldKind};
use diesel::{MysqlConnection, PgConnection};
use libtest_mimic::Trial;

fn main() -> ExitCode {
    let mut trials = suite::trials(POSTGRES, &server_contract::cases());
    trials.extend(suite::trials(POSTGRES, postgres_only::CASES));
    trials.extend(suite::trials(MARIADB, &server_contract::cases()));
    trials.extend(suite::trials(MARIADB, mariadb_only::CASES));
    trials.push(Trial::test("postgres::updates_stay_on_their_page", || {
        postgres_only::updates_stay_on_their_page();
        Ok(())
    }));
    trials.push(Trial::test("postgres::a_lock_is_known_in_whatever_language", || {
        postgres_only::a_lock_is_known_in_whatever_language();
        Ok(())
    }));
    trials.push(Trial::test(
        "mariadb::a_connection_that_keeps_the_settings_of_a_transaction_is_thrown_away",
        || {
            mariadb_only::a_connection_that_keeps_the_settings_of_a_transaction_is_thrown_away();
            Ok(())
        },
    ));
    trials.push(Trial::test("mariadb::no_statement_uses_a_variable_of_the_session", || {
        mariadb_only::no_statement_uses_a_variable_of_the_session();
        Ok(())
    }));
    trials.push(Trial::test("postgres::connections_end_when_the_network_vanishes", || {
        postgres_sockets::end_when_the_network_vanishes();
        Ok(())
    }));
    trials.push(Trial::test("mariadb::binary_log_is_repeated_by_a_replica_in_each_format", || {
        binary_log::is_repeated_by_a_replica_in_each_format();
        Ok(())
    }));
    trials.push(Trial::test("mariadb::a_statement_log_and_transactions_that_skip_rows", || {
        statement_log::a_transaction_that_skips_rows_reads_what_others_record_meanwhile();
        statement_log::a_transaction_that_waits_for_a_row_reads_what_others_record_meanwhile();
        statement_log::a_connection_of_another_database_reads_what_others_record_meanwhile();
        Ok(())
    }));
    trials.extend(outages());
    suite::run_trials(trials)
}

const POSTGRES: &[WorldKind<ServerWorld<PgConnection>>] =
    &[("postgres", || ServerWorld::in_server(&postgres::shared_url()))];

const MARIADB: &[WorldKind<ServerWorld<MysqlConnection>>] =
    &[("mariadb", || ServerWorld::in_server(&mariadb::shared_url()))];

fn outages() -> [Trial; 2] {
    let of_postgres = || {
        let mut server = Postgres::new(Durability::On);
        let url = server.url("postgres");
        server_contract::outage::<PgConnection>(&url, |act| match act {
            Act::Stop => server.stop(),
            Act::Kill => server.kill(),
            Act::Start => server.start(),
        });
        Ok(())
    };
    let of_mariadb = || {
        let mut server = MariaDb::new(Durability::On);
        let url = server.url("mysql");
        server_contract::outage::<MysqlConnection>(&url, |act| match act {
            Act::Stop => server.stop(),
            Act::Kill => server.kill(),
            Act::Start => server.start(),
        });
        Ok(())
    };
    let name = |server| format!("{server}::a_server_that_goes_away_is_missed_and_works_again");
    [Trial::test(name("postgres"), of_postgres), Trial::test(name("mariadb"), of_mariadb)]
}
