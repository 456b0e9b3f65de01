use redis::{Connection, Pipeline, Script};

use crate::post::name;

/// The commands of a sync to Redis, sent by the plain crate in the same sizes. Reads only those
/// parts of the replies that the next step needs.
pub struct Steps {
    conn: Connection,
    claim: String,
    ack: String,
}

/// The number of counters in one script call of a claim, in one of an acknowledgement, and in one
/// MGET.
const CLAIMED: usize = 50;
const ACKNOWLEDGED: usize = 200;
const VERIFIED: usize = 500;
/// The number of names that one SCAN visits.
const SCANNED: usize = 250;

/// The constants that the script of a claim takes.
const GREATEST_HIGH_WATER: i64 = 9_007_199_254_000_000;
const GREATEST_SEQUENCE: i64 = 9_007_199_254_740_991;

const CLAIM: &str = concat!(
    include_str!("../../../counter-core/src/redis/steps/count.lua"),
    include_str!("../../../counter-core/src/redis/steps/sequence.lua"),
    include_str!("../../../counter-core/src/redis/steps/claim.lua")
);
const ACK: &str = include_str!("../../../counter-core/src/redis/steps/ack.lua");

impl Steps {
    pub fn new(mut conn: Connection) -> Self {
        let mut load = |text| Script::new(text).prepare_invoke().load(&mut conn).unwrap();
        let (claim, ack) = (load(CLAIM), load(ACK));
        Self { conn, claim, ack }
    }

    /// Returns all names under the prefix.
    pub fn scan(&mut self) -> Vec<String> {
        let (mut names, mut cursor) = (Vec::new(), 0_u64);
        loop {
            let (next, found): (u64, Vec<String>) = redis::cmd("SCAN")
                .arg(cursor)
                .arg(&["MATCH", "counter:*", "COUNT"])
                .arg(SCANNED)
                .query(&mut self.conn)
                .unwrap();
            names.extend(found);
            cursor = next;
            if cursor == 0 {
                return names;
            }
        }
    }

    /// Claims one batch, in one round trip.
    pub fn claim(&mut self, pending: &[String], claims: &[String]) -> Vec<String> {
        let mut calls = redis::pipe();
        for (pending, claims) in pending.chunks(CLAIMED).zip(claims.chunks(CLAIMED)) {
            let call = calls.cmd("EVALSHA").arg(&self.claim).arg(2 + 2 * pending.len());
            call.arg("counter:{seq}").arg("counter:{given}");
            for (pending, claim) in pending.iter().zip(claims) {
                call.arg(pending).arg(claim);
            }
            call.arg(30_000_000).arg(0).arg(GREATEST_HIGH_WATER).arg(GREATEST_SEQUENCE);
        }
        let answers: Vec<Vec<String>> = calls.query(&mut self.conn).unwrap();
        let texts = answers.into_iter().flat_map(|answer| answer.into_iter().skip(2));
        let fresh = texts.map(|text| text.strip_prefix('f').expect("a fresh claim").to_owned());
        fresh.collect()
    }

    /// Reads one batch's claims, in one round trip.
    pub fn verify(&mut self, claims: &[String]) -> Vec<String> {
        let mut reads = redis::pipe();
        for claims in claims.chunks(VERIFIED) {
            reads.cmd("MGET").arg(claims);
        }
        self.all(&reads).concat()
    }

    /// Acknowledges one batch, in one round trip.
    pub fn ack(&mut self, claims: &[String], texts: &[String]) {
        let mut calls = redis::pipe();
        for (claims, texts) in claims.chunks(ACKNOWLEDGED).zip(texts.chunks(ACKNOWLEDGED)) {
            calls.cmd("EVALSHA").arg(&self.ack).arg(claims.len()).arg(claims).arg(texts);
        }
        let acknowledged: Vec<usize> = calls.query(&mut self.conn).unwrap();
        assert_eq!(acknowledged.into_iter().sum::<usize>(), claims.len());
    }

    fn all(&mut self, pipeline: &Pipeline) -> Vec<Vec<String>> {
        pipeline.query(&mut self.conn).unwrap()
    }
}

/// Returns the name of a post's claim in Redis.
pub fn claim_name(id: i64) -> String {
    format!("counter:{{{}}}", name(id))
}
