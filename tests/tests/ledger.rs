//! The ledger's contract, for every database.

use std::process::ExitCode;

use counter_tests::database;
use counter_tests::ledger_contract::{self, LedgerWorld};
use counter_tests::suite::{self, WorldKind};

fn main() -> ExitCode {
    suite::run(DATABASES, &ledger_contract::cases())
}

const DATABASES: &[WorldKind<LedgerWorld>] = &[
    ("sqlite", || LedgerWorld::new(database::sqlite())),
    ("postgres", || LedgerWorld::new(database::postgres())),
    ("mariadb", || LedgerWorld::new(database::mariadb())),
];
