use counter_core::ServerVersion;
use serde::{Serialize, Serializer};

use crate::check::finding::{CheckUp, Finding, PrefixUse};
use crate::overview::timestamp::Timestamp;

impl Serialize for CheckUp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shape<'a> {
            worst: Option<String>,
            store: Option<ServerShape<'a>>,
            master: Option<&'a str>,
            database: Option<ServerShape<'a>>,
            table: Option<&'a str>,
            prefixes: Vec<PrefixShape<'a>>,
            findings: &'a [Finding],
        }
        let shape = Shape {
            worst: self.worst().map(|worst| worst.to_string()),
            store: self.store.as_ref().map(ServerShape::from),
            master: self.master.as_deref(),
            database: self.database.as_ref().map(ServerShape::from),
            table: self.table.as_deref(),
            prefixes: self.prefixes.iter().map(PrefixShape::from).collect(),
            findings: &self.findings,
        };
        shape.serialize(serializer)
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shape<'a> {
            severity: String,
            code: &'a str,
            message: &'a str,
            advice: &'a str,
        }
        let shape = Shape {
            severity: self.severity.to_string(),
            code: self.code.as_str(),
            message: &self.message,
            advice: &self.advice,
        };
        shape.serialize(serializer)
    }
}

#[derive(Serialize)]
struct PrefixShape<'a> {
    prefix: &'a str,
    present: bool,
    synced_at: Option<Timestamp>,
    held: Option<u64>,
}

impl<'a> From<&'a PrefixUse> for PrefixShape<'a> {
    fn from(used: &'a PrefixUse) -> Self {
        let PrefixUse { prefix, is_present, synced_at, held } = used;
        let synced_at = synced_at.map(Into::into);
        Self { prefix, present: *is_present, synced_at, held: *held }
    }
}

#[derive(Serialize)]
struct ServerShape<'a> {
    product: &'a str,
    version: &'a str,
}

impl<'a> From<&'a ServerVersion> for ServerShape<'a> {
    fn from(server: &'a ServerVersion) -> Self {
        Self { product: &server.product, version: &server.number }
    }
}
