use std::sync::LazyLock;

use super::found;
use super::values::{SEQUENCE_CONSTANTS, answered_sequence};
use crate::error::{Error, StoreStep};
use crate::names::{SLOTS, Slot};
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
    raise_those(server, &parts.collect::<Vec<_>>(), Those::All).map(drop)
}

/// Raises the high water of each of these parts that came back, and has recorded that it has
/// forgotten this sequence. Returns the others.
pub(crate) fn raise_found(server: &Server, found: &[PartSeq]) -> Result<Vec<Slot>, Error> {
    raise_those(server, found, Those::Found)
}

/// Raises the high water of those of these parts that have none. Skips a part that has one by now,
/// because it may have come back from an old copy.
pub(crate) fn raise_emptied(server: &Server, parts: &[PartSeq]) -> Result<(), Error> {
    raise_those(server, parts, Those::Emptied).map(drop)
}

/// The parts that are raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Those {
    All,
    Emptied,
    /// Those that have recorded that they have forgotten this sequence.
    Found,
}

/// Returns those of these parts that have recorded something else.
fn raise_those(server: &Server, parts: &[PartSeq], those: Those) -> Result<Vec<Slot>, Error> {
    let names = server.names();
    batch::in_any_order(server, BATCH, parts, |checkout, window, changed: &mut Vec<Slot>| {
        let last = server.last_sighting();
        let seen = window.chunks.iter().map(|chunk| last.get(chunk.slot)).collect::<Vec<_>>();
        let mut newest = seen.iter().map(|(_, newest)| *newest);
        let calls = window.pack(|calls, chunk| {
            let newest = newest.next().unwrap_or_default();
            let above = chunk.items.iter().map(|item| item.seq).max().unwrap_or_default();
            let only = match those {
                Those::All => -1,
                Those::Emptied => 0,
                Those::Found => above.get(),
            };
            RAISE.call(calls, 2, 2, |args| {
                args.text(&*names.high_water(chunk.slot)).text(&*names.given_out(chunk.slot));
                args.int(above.max(newest).get()).int(only);
            });
        });
        let replies = server.run(&RAISE, checkout, &calls)?;
        for ((chunk, reply), (nth, _)) in window.with(replies).zip(seen) {
            let answer = ScriptAnswer::read(reply)?;
            match answer.word.as_slice() {
                b"ok" => last.note(nth, chunk.slot, answered_sequence(&answer)?),
                b"changed" => {
                    changed.push(chunk.slot);
                    continue;
                }
                _ => return Err(found::in_answer(names, chunk.slot, &answer, None)),
            }
            if those != Those::Emptied {
                last.note_accepted(nth, chunk.slot);
            }
        }
        Ok(())
    })
}
