use std::borrow::Cow;
use std::fmt;

use chrono::NaiveDateTime;
use counter_core::ServerVersion;

/// The result of a check-up: see [`Counters::check`](crate::Counters::check).
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a check-up changes nothing: what it found is all that it is for"]
#[non_exhaustive]
pub struct CheckUp {
    /// The store's server, if it reported its version.
    pub store: Option<ServerVersion>,
    /// The master that the store follows: as sentinels name it, such as `mymaster at
    /// 10.0.0.1:6379`, or in a cluster, such as `slot 1234 at 10.0.0.1:6379`.
    pub master: Option<String>,
    /// The database, if it reported its version.
    pub database: Option<ServerVersion>,
    /// The counters' table with the schema in which it was found, such as `public.model_counters`,
    /// or with the file if the database is one: `model_counters in /srv/app.sqlite`.
    pub table: Option<String>,
    /// The present prefix, and each other one that was synced into the database, in order.
    pub prefixes: Vec<PrefixUse>,
    /// The findings, the worst first.
    pub findings: Vec<Finding>,
}

/// A prefix in front of counters of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PrefixUse {
    /// The prefix.
    pub prefix: String,
    /// Whether it is the present one.
    pub is_present: bool,
    /// When the last good sync of it ended, UTC, if there was one.
    pub synced_at: Option<NaiveDateTime>,
    /// How many counters of the store hold anything behind it, of the names that a check-up looks
    /// at. `None` if the store could not be asked.
    pub held: Option<u64>,
}

impl CheckUp {
    pub(super) fn new(
        store: Option<ServerVersion>,
        master: Option<String>,
        database: Option<ServerVersion>,
        table: Option<String>,
        prefixes: Vec<PrefixUse>,
        mut findings: Vec<Finding>,
    ) -> Self {
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        Self { store, master, database, table, prefixes, findings }
    }

    /// The severity of the worst finding, or `None` if nothing was found.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}

/// The servers and the table in a line, then each finding in one of its own. No text from outside
/// can begin another.
impl fmt::Display for CheckUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(server) = &self.store {
            write!(f, "{}", counter_core::Printable(&server.to_string()))?;
        }
        if let Some(master) = &self.master {
            write!(f, " ({})", counter_core::Printable(master))?;
        }
        if let Some(server) = &self.database {
            let separator = if self.store.is_none() { "" } else { ", " };
            write!(f, "{separator}{}", counter_core::Printable(&server.to_string()))?;
        }
        if let Some(table) = &self.table {
            write!(f, " ({})", counter_core::Printable(table))?;
        }
        if self.store.is_some() || self.database.is_some() {
            f.write_str(": ")?;
        }
        match self.findings.len() {
            0 => writeln!(f, "nothing found"),
            1 => writeln!(f, "1 finding"),
            many => writeln!(f, "{many} findings"),
        }?;
        self.findings.iter().try_for_each(|finding| writeln!(f, "{finding}"))
    }
}

/// One thing that a check-up found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The kind of the finding.
    pub code: FindingCode,
    /// The finding in one line; what comes from outside is made
    /// [`Printable`](counter_core::Printable).
    pub message: String,
    /// The advice.
    pub advice: Cow<'static, str>,
}

impl Finding {
    pub(super) fn new(
        severity: Severity,
        code: FindingCode,
        message: String,
        advice: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { severity, code, message, advice: advice.into() }
    }
}

/// `severity code: message; advice`
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}; {}", self.severity, self.code, self.message, self.advice)
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Good to know; nothing has to be done.
    Note,
    /// It works, but counts can be lost, or something needs a look.
    Warning,
    /// It does not work, or counts are being lost or left behind.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// Defines [`FindingCode`] from one list of its variants, texts and meanings.
macro_rules! finding_codes {
    ($(#[doc = $meaning:literal] $code:ident = $text:literal,)*) => {
        /// The kind of the finding. Its text is stable, for scripts and alerts.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum FindingCode {
            $(#[doc = concat!("`", $text, "`:", $meaning)] $code,)*
        }

        impl FindingCode {
            /// All codes, those of the store first.
            pub const ALL: &'static [Self] = &[$(Self::$code,)*];

            /// The stable text.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => $text,)*
                }
            }
        }
    };
}

finding_codes! {
    /// the store gives no answer.
    StoreUnreachable = "store-unreachable",
    /// something about the store could not be found out.
    StoreUnchecked = "store-unchecked",
    /// the store's server is older than what is supported.
    StoreVersion = "store-version",
    /// the server throws counters away when its memory is full.
    StoreEvicts = "store-evicts",
    /// the server's memory is nearly full.
    StoreMemoryFull = "store-memory-full",
    /// a restart of the server forgets counts.
    StoreNotPersistent = "store-not-persistent",
    /// a crash of the server's machine forgets the last counts.
    StoreFsync = "store-fsync",
    /// the server cannot write to its disk.
    StorePersistenceFails = "store-persistence-fails",
    /// the server is a replica.
    StoreIsReplica = "store-is-replica",
    /// the server is a node of a cluster.
    StoreInCluster = "store-in-cluster",
    /// the slot of the prefix is on its way to another node.
    SlotMoving = "slot-moving",
    /// one slot without a master stops all counters.
    ClusterFullCoverage = "cluster-full-coverage",
    /// a sentinel names no master.
    SentinelSilent = "sentinel-silent",
    /// sentinels name different masters, or one master by different names.
    SentinelsDisagree = "sentinels-disagree",
    /// the sentinels know others that the URL does not name.
    SentinelsUnnamed = "sentinels-unnamed",
    /// there are fewer than three sentinels.
    SentinelsFew = "sentinels-few",
    /// the master that sentinels name has no replica.
    StoreNotReplicated = "store-not-replicated",
    /// the master that sentinels name takes writes without a replica.
    StoreMinReplicas = "store-min-replicas",
    /// the server refuses increments, of this user or of all users.
    StoreRefusesIncrements = "store-refuses-increments",
    /// this user may not run what a sync takes.
    StoreRefusesSyncs = "store-refuses-syncs",
    /// the clocks of the server and of this machine differ.
    StoreClock = "store-clock",
    /// a name that the store needs for itself holds something else.
    StoreNameTaken = "store-name-taken",
    /// the store is not the one that was synced last, or it has lost its data.
    StoreReplaced = "store-replaced",
    /// the store came back from an old copy.
    StoreWentBack = "store-went-back",
    /// another prefix was synced before, and counts may have been left behind there.
    OtherPrefix = "other-prefix",
    /// the database is not the one that the store was synced into last.
    OtherDatabase = "other-database",
    /// the store has lost its newest sequence, and only that.
    HighWaterLost = "high-water-lost",
    /// the store is synced into another database too.
    PrefixShared = "prefix-shared",
    /// there are names or values under the prefix that are not counters.
    ForeignNames = "foreign-names",
    /// the store will forget counts by itself.
    CountsExpire = "counts-expire",
    /// claims are in flight for longer than a living sync takes.
    ClaimsLeftBehind = "claims-left-behind",
    /// claims are older than what their rows have seen.
    Conflicts = "conflicts",
    /// counts are pending, and no sync has run for a long time.
    SyncOverdue = "sync-overdue",
    /// the store holds more than what was looked at.
    SurveyCutShort = "survey-cut-short",
    /// the database gives no answer.
    DatabaseUnreachable = "database-unreachable",
    /// something about the database could not be found out.
    DatabaseUnchecked = "database-unchecked",
    /// the database is older than what is supported.
    DatabaseVersion = "database-version",
    /// the counters' tables take no writes.
    DatabaseRefusesWrites = "database-refuses-writes",
    /// a pooler stands before the database.
    DatabasePooled = "database-pooled",
    /// a crash of the database may forget or break what was committed.
    DatabaseDurability = "database-durability",
    /// the counters' tables are not there.
    SchemaMissing = "schema-missing",
    /// migrations were begun and not finished, or not all of them were run.
    SchemaHalfDone = "schema-half-done",
    /// a table is not as it should be.
    SchemaUnusable = "schema-unusable",
    /// a newer version of this library has migrated the tables.
    SchemaNewer = "schema-newer",
}

impl fmt::Display for FindingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
