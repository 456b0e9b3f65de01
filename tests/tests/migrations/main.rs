//! The tables of the counters: how they are made, found and named.

mod earlier;
mod embedded;
mod harness;
mod lock;
mod names;
mod rights;
mod row_format;
mod schemas;

use counter_tests::database::{self, Database};

type MakeDatabase = fn() -> Box<dyn Database>;

const DATABASES: [(&str, MakeDatabase); 3] = [
    ("sqlite", database::sqlite),
    ("postgres", database::postgres),
    ("mariadb", database::mariadb),
];
