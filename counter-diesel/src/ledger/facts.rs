//! Facts about a database, found without changing anything.

use counter_core::{Fact, ServerVersion};
use diesel::result::{Error as DieselError, QueryResult};

use crate::ledger::dialect::connection::CounterConnection;
use crate::ledger::dialect::pooling::Pooling;
use crate::ledger::dialect::tables::{Table, Tables};
use crate::ledger::failure::contained;

/// Facts that a ledger reports about itself and its database: see [`Ledger::inspect`].
///
/// [`Ledger::inspect`]: crate::ledger::Ledger::inspect
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LedgerFacts {
    /// The server's product and version.
    pub server: Fact<ServerVersion>,
    /// The settings that decide what a crash of it forgets.
    pub durability: Vec<DurabilitySetting>,
    /// Whether a pooler stands before it, and what that does to prepared statements.
    pub pooling: Fact<Pooling>,
    /// The counters' table.
    pub counters_table: Fact<TableState>,
    /// The counters' table with the schema in which it was found, such as `public.model_counters`,
    /// or with the file if the database is one: `model_counters in /srv/app.sqlite`.
    pub place: Fact<String>,
    /// The table beside it with the counts of periods.
    pub periods_table: Fact<TableState>,
    /// The table beside it that says since when these are kept.
    pub kept_table: Fact<TableState>,
    /// The table beside it with what is known of the stores.
    pub state_table: Fact<TableState>,
    /// Which migrations were run.
    pub migrations: Fact<MigrationFacts>,
    /// Whether the tables take writes: `Err` with the words of the database if it refuses them. Not
    /// queried if the tables cannot be read.
    pub writes: Fact<Result<(), String>>,
}

impl LedgerFacts {
    pub(crate) fn has_usable_tables(&self) -> bool {
        [&self.counters_table, &self.state_table]
            .into_iter()
            .all(|state| state.known() == Some(&TableState::Usable))
    }
}

/// A setting of a database, as it is for this user.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DurabilitySetting {
    /// Its name, such as `fsync`.
    pub name: &'static str,
    /// Its value, as the database writes it.
    pub value: Fact<String>,
}

impl DurabilitySetting {
    /// A setting of this name, and its value.
    pub fn new(name: &'static str, value: Fact<String>) -> Self {
        Self { name, value }
    }
}

/// Whether a table is as this version of the library needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TableState {
    /// It is not there.
    Missing,
    /// It exists, but cannot be read properly, for this reason.
    Unusable(String),
    /// It has all that is needed.
    Usable,
}

/// The migrations that were run, beside those of this version of the library.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MigrationFacts {
    /// Whether there is a table in which they are recorded. There is none where the application
    /// runs ours among its own.
    pub has_table: bool,
    /// The migrations of this version that were not run.
    pub pending: Vec<String>,
    /// The migrations that were run but are unknown to this version.
    pub unknown: Vec<String>,
}

const COUNTERS_COLUMNS: &str = "c.id, c.owner_type, c.owner_id, c.owner_key, c.key, c.count, \
                                c.claim_seq, c.created_at, c.updated_at";

const PERIODS_COLUMNS: &str = "c.owner_type, c.owner_id, c.owner_key, c.key, c.grain, c.starts_at, \
                               c.count, c.claim_seq, c.updated_at";

const KEPT_COLUMNS: &str = "c.owner_type, c.key, c.grain, c.since, c.rolled_from";

const STATE_COLUMNS: &str = "c.prefix, c.store_id, c.writer, c.claim_seq, c.synced_at, c.marks, \
                             c.holder, c.batch";

/// Reads the facts that are not about tables, outside of a transaction of ours.
pub(crate) fn inspect_server<C: CounterConnection>(conn: &mut C, facts: &mut LedgerFacts) {
    facts.server = ask(conn, C::version);
    let setting = |name: &&'static str| DurabilitySetting {
        name,
        value: ask(conn, |conn| conn.setting(name)),
    };
    facts.durability = C::DURABILITY.iter().map(setting).collect();
}

/// Whether a pooler stands before the database, as one or two connections show it: each of them
/// keeps a session of its own, unless there is one.
pub(crate) fn inspect_pooling<C: CounterConnection>(
    conn: &mut C,
    other: Option<&mut C>,
    facts: &mut LedgerFacts,
) {
    facts.pooling = ask(conn, sessions).map(|ours| {
        let others = other.and_then(|other| contained(other, sessions).ok()).unwrap_or_default();
        let is_shared = ours.iter().any(|session| ours.first() != Some(session))
            || others.iter().any(|session| ours.contains(session));
        if is_shared { conn.pooling() } else { Pooling::NotNoticed }
    });
}

/// Returns the session that answers a connection, several times in a row: a pooler may take its own
/// in turn, or the same one until another client needs it.
fn sessions<C: CounterConnection>(conn: &mut C) -> QueryResult<Vec<i64>> {
    let mut sessions = Vec::new();
    for _ in 0..4 {
        sessions.extend(conn.session()?);
    }
    Ok(sessions)
}

/// Reads the facts about the tables, in a transaction that waits for locks for a few seconds at
/// most and is rolled back.
pub(crate) fn inspect_tables<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
    facts: &mut LedgerFacts,
) {
    facts.counters_table = table_state(conn, tables.totals(), COUNTERS_COLUMNS);
    if !matches!(facts.counters_table, Fact::Known(TableState::Missing)) {
        facts.place = ask(conn, |conn| conn.place_of(tables.totals()));
    }
    facts.periods_table = table_state(conn, tables.periods(), PERIODS_COLUMNS);
    facts.kept_table = table_state(conn, tables.kept(), KEPT_COLUMNS);
    facts.state_table = table_state(conn, tables.state(), STATE_COLUMNS);
    facts.migrations = ask(conn, |conn| migration_facts(conn, tables));
}

/// Checks whether the tables take writes, if they can be read. This is a transaction of its own
/// that begins with a write, because SQLite does not let one that has read wait for another writer.
pub(crate) fn inspect_writes<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
    facts: &mut LedgerFacts,
) {
    facts.writes = match refusal_of_writes(conn, tables) {
        None => Fact::Known(Ok(())),
        // Another writer is no refusal.
        Some(error) if conn.is_busy(tables, &error) => Err(error).into(),
        Some(error) => Fact::Known(Err(error.to_string())),
    };
    let is_written = facts.writes.known() == Some(&Ok(()));
    if !is_written {
        return;
    }
    let [update, insert, _] = writes(&C::quoted(tables.kept()), "grain");
    let of_periods = [
        (&mut facts.periods_table, writes(&C::quoted(tables.periods()), "claim_seq").to_vec()),
        // Nothing is deleted from it.
        (&mut facts.kept_table, vec![update, insert]),
    ];
    for (state, writes) in of_periods {
        if state.known() != Some(&TableState::Usable) {
            continue;
        }
        // An application that counts by no period may have no right to write to it.
        if let Some(error) = refusal(conn, writes).filter(|error| !conn.is_busy(tables, error)) {
            *state = Fact::Known(TableState::Unusable(error.to_string()));
        }
    }
}

fn ask<C: CounterConnection, T>(
    conn: &mut C,
    question: impl FnOnce(&mut C) -> QueryResult<T>,
) -> Fact<T> {
    contained(conn, question).into()
}

fn table_state<C: CounterConnection>(
    conn: &mut C,
    table: &Table,
    columns: &str,
) -> Fact<TableState> {
    let name = C::quoted(table);
    let select = format!("SELECT {columns} FROM {name} AS c LIMIT 0");
    ask(conn, |conn| conn.has_table(table)).map(|is_there| {
        match contained(conn, |conn| conn.batch_execute(&select)) {
            Err(error) if !is_there && !C::is_hidden(&error) => TableState::Missing,
            Ok(()) => TableState::Usable,
            Err(error) => TableState::Unusable(error.to_string()),
        }
    })
}

fn migration_facts<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
) -> QueryResult<MigrationFacts> {
    if !conn.has_table(tables.migrations())? {
        return Ok(MigrationFacts::default());
    }
    let run = conn.run_migrations(tables)?;
    let ours = C::migrations().iter().map(|migration| migration.name.as_str()).collect::<Vec<_>>();
    let is_pending = |name: &&str| !run.iter().any(|run| run == name);
    Ok(MigrationFacts {
        has_table: true,
        pending: ours.iter().copied().filter(is_pending).map(str::to_owned).collect(),
        unknown: run.iter().filter(|run| !ours.contains(&run.as_str())).cloned().collect(),
    })
}

/// Returns why the tables take no writes, if they do not. Nothing is deleted from the state table.
fn refusal_of_writes<C: CounterConnection>(conn: &mut C, tables: &Tables) -> Option<DieselError> {
    let [counters, state] = [tables.totals(), tables.state()].map(C::quoted);
    let [update, insert, delete] = writes(&counters, "claim_seq");
    let [update_state, insert_state, _] = writes(&state, "claim_seq");
    refusal(conn, [update, insert, update_state, insert_state, delete])
}

/// Statements of every kind that a sync writes with, over no row. A replica, a database that is
/// read-only and a user without the right all refuse them.
fn writes(table: &str, column: &str) -> [String; 3] {
    [
        format!("UPDATE {table} SET {column} = {column} WHERE 1 = 0"),
        format!("INSERT INTO {table} SELECT * FROM {table} WHERE 1 = 0"),
        format!("DELETE FROM {table} WHERE 1 = 0"),
    ]
}

fn refusal<C: CounterConnection>(
    conn: &mut C,
    statements: impl IntoIterator<Item = String>,
) -> Option<DieselError> {
    let run = |statement: String| contained(conn, |conn| conn.batch_execute(&statement)).err();
    statements.into_iter().find_map(run)
}
