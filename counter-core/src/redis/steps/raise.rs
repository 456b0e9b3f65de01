use std::sync::LazyLock;

use super::found;
use super::values::{SEQUENCE_CONSTANTS, answered_sequence};
use crate::error::{Error, StoreStep};
use crate::names::SLOTS;
use crate::protocol::ClaimSeq;
use crate::redis::batch::{self, Batch, IfLost};
use crate::redis::connection::{Deadline, Script, ScriptAnswer};
use crate::redis::server::Server;
use crate::store::PartSeq;

static RAISE: LazyLock<Script> = LazyLock::new(|| {
    Script::with_constants(
        concat!(include_str!("count.lua"), include_str!("sequence.lua"), include_str!("raise.lua")),
        SEQUENCE_CONSTANTS,
    )
});

/// The items are slots, or parts of a store, each of which has a high water.
const BATCH: Batch = Batch {
    step: StoreStep::Raise,
    chunk: 1,
    window: 1000,
    if_lost: IfLost::Repeat { until: Deadline::NEVER },
};

/// Raises the high water, or that of every slot, to the present time and to `above`, and accepts
/// what was forgotten up to there. Raises it above what this process has seen too, or this process
/// would go on to claim nothing.
pub(crate) fn raise(server: &Server, above: ClaimSeq) -> Result<(), Error> {
    let names = server.names();
    let slots = if names.are_spread() { (0..SLOTS).collect() } else { vec![names.home()] };
    let parts = slots.into_iter().map(|part| PartSeq { part, seq: above });
    raise_each(server, &parts.collect::<Vec<_>>())
}

/// Raises the high water of each of these parts to its own sequence.
pub(crate) fn raise_each(server: &Server, parts: &[PartSeq]) -> Result<(), Error> {
    raise_those(server, parts, Those::All)
}

/// Raises the high water of those of these parts that have none. Skips a part that has one by now,
/// because it may have come back from an old copy.
pub(crate) fn raise_emptied(server: &Server, parts: &[PartSeq]) -> Result<(), Error> {
    raise_those(server, parts, Those::Emptied)
}

/// The parts that are raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Those {
    All,
    Emptied,
}

fn raise_those(server: &Server, parts: &[PartSeq], those: Those) -> Result<(), Error> {
    let names = server.names();
    batch::in_any_order(server, BATCH, parts, |checkout, window, _: &mut Vec<()>| {
        let last = server.last_sighting();
        let seen = window.chunks.iter().map(|chunk| last.get(chunk.slot)).collect::<Vec<_>>();
        let mut newest = seen.iter().map(|(_, newest)| *newest);
        let calls = window.pack(|calls, chunk| {
            let newest = newest.next().unwrap_or_default();
            let above = chunk.items.iter().map(|item| item.seq).max().unwrap_or_default();
            RAISE.call(calls, 2, 2, |args| {
                args.text(&*names.high_water(chunk.slot)).text(&*names.given_out(chunk.slot));
                args.int(above.max(newest).get()).int(i64::from(those == Those::Emptied));
            });
        });
        let replies = server.run(&RAISE, checkout, &calls)?;
        for ((chunk, reply), (nth, _)) in window.with(replies).zip(seen) {
            let answer = ScriptAnswer::read(reply)?;
            if answer.word != b"ok" {
                return Err(found::in_answer(names, chunk.slot, &answer, None));
            }
            last.note(nth, chunk.slot, answered_sequence(&answer)?);
            if those == Those::All {
                last.note_accepted(nth, chunk.slot);
            }
        }
        Ok(())
    })?;
    Ok(())
}
