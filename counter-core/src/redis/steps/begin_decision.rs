use std::sync::LazyLock;

use super::found;
use super::random::random;
use super::values::SEQUENCE_CONSTANTS;
use crate::error::{Error, StoreStep};
use crate::names::Slot;
use crate::protocol::ClaimSeq;
use crate::redis::batch::{self, Batch, IfLost, InSlot};
use crate::redis::connection::{Deadline, Names, Script, ScriptAnswer};
use crate::redis::server::Server;
use crate::store::PartSeq;

static BEGIN: LazyLock<Script> = LazyLock::new(|| {
    Script::with_constants(
        concat!(
            include_str!("count.lua"),
            include_str!("sequence.lua"),
            include_str!("begin_decision.lua")
        ),
        SEQUENCE_CONSTANTS,
    )
});

const BATCH: Batch = Batch {
    step: StoreStep::Raise,
    chunk: 1,
    window: 1000,
    if_lost: IfLost::Repeat { until: Deadline::NEVER },
};

/// The greatest distance in microseconds of what a slot records for a decision from what it had
/// recorded.
const FURTHEST: u64 = 1_000_000;

/// A slot that was found to have come back from an old copy, and what it records for a decision.
#[derive(Debug, Clone)]
struct Found {
    slot: Slot,
    forgotten: ClaimSeq,
    decided: ClaimSeq,
}

impl InSlot for Found {
    fn slot(&self, _names: &Names) -> Slot {
        self.slot
    }
}

/// Makes each of these slots record another sequence as forgotten, if it has still recorded this
/// one. Returns these slots and sequences.
///
/// The sequence is random, because any process that asks another copy makes that record the same
/// one as the first copy.
pub(crate) fn begin_decision(server: &Server, found: &[PartSeq]) -> Result<Vec<PartSeq>, Error> {
    let found = found.iter().map(|PartSeq { part, seq }| {
        let distance = i64::try_from(1 + random() % FURTHEST).unwrap_or(1);
        let decided = ClaimSeq::new(seq.get().saturating_add(distance));
        Found { slot: *part, forgotten: *seq, decided }
    });
    let found = found.collect::<Vec<_>>();
    let names = server.names();
    batch::in_any_order(server, BATCH, &found, |checkout, window, begun: &mut Vec<PartSeq>| {
        let calls = window.pack(|calls, chunk| {
            for Found { forgotten, decided, .. } in chunk.items {
                BEGIN.call(calls, 1, 2, |args| {
                    args.text(&*names.given_out(chunk.slot));
                    args.int(forgotten.get()).int(decided.get());
                });
            }
        });
        for (chunk, reply) in window.with(server.run(&BEGIN, checkout, &calls)?) {
            let answer = ScriptAnswer::read(reply)?;
            match answer.word.as_slice() {
                b"ok" => begun.extend(
                    chunk.items.iter().map(|it| PartSeq { part: it.slot, seq: it.decided }),
                ),
                b"changed" => {}
                _ => return Err(found::in_answer(names, chunk.slot, &answer, None)),
            }
        }
        Ok(())
    })
}
