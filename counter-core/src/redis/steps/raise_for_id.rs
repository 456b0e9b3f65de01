//! Raises the high water of every slot of a cluster for a new id of the data.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::found;
use super::look::{high_water, newest_beside_id};
use super::values::{SEQUENCE_CONSTANTS, answered_sequence, parse_time};
use crate::error::{BoxError, Error, StoreStep};
use crate::names::{SLOTS, Slot};
use crate::protocol::ClaimSeq;
use crate::redis::batch::{self, Batch, IfLost, InSlot, Window};
use crate::redis::connection::{Checkout, Deadline, Names, Packed, Script, ScriptAnswer};
use crate::redis::last_sighting::floor_of;
use crate::redis::server::Server;
use crate::store::{LastGeneration, PartSeq};

static RAISE: LazyLock<Script> = LazyLock::new(|| {
    Script::with_constants(
        concat!(
            include_str!("count.lua"),
            include_str!("sequence.lua"),
            include_str!("given_out.lua"),
            include_str!("ask_slot.lua"),
            include_str!("raise_for_id.lua")
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

/// What is known of the generation before the one that may begin.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Known<'a> {
    /// There was none.
    Nothing,
    Last(&'a LastGeneration<'a>),
    /// There was one, so none may begin.
    Unread,
}

impl<'a> Known<'a> {
    pub(crate) fn of(last: Option<&'a LastGeneration<'a>>) -> Self {
        last.map_or(Self::Unread, Self::Last)
    }
}

/// A generation that may begin. All slots but that of its id have been raised for it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Raised {
    /// The floor of the new id, or 0 if none may begin.
    pub(crate) floor: ClaimSeq,
    /// The high water of the id's slot, from before the records were read.
    pub(crate) beside_id: ClaimSeq,
    /// The sequences that the slot of the id is known to have given out.
    pub(crate) given_out: Vec<ClaimSeq>,
}

/// A slot, and what it gave out under the last id.
#[derive(Debug, Clone)]
struct OfSlot {
    slot: Slot,
    given_out: Vec<ClaimSeq>,
}

impl InSlot for OfSlot {
    fn slot(&self, _names: &Names) -> Slot {
        self.slot
    }
}

/// Makes all slots but that of the id give out the same sequence, which is above all existing ones
/// and above `above`. Skips the slots that do not remember what is known of them: without
/// that sequence it shows that they have gone back to before the new id. They also record that they
/// went back, because they soon forget which sequences they gave out.
///
/// The slot of the id comes last, when the id is set. So a slow process that knows only what was
/// before the last id cannot begin a generation.
///
/// The sequence is not in the future. A slot that goes back would give out such a sequence again.
pub(crate) fn raise_for_id(
    server: &Server,
    above: ClaimSeq,
    known: Known<'_>,
) -> Result<Raised, Error> {
    let (last_floor, given_out, beside_id) = match known {
        Known::Nothing => (ClaimSeq::ZERO, &[][..], newest_beside_id(server)?),
        Known::Last(last) => (floor_of(last.store_id), last.given_out, last.beside_id),
        Known::Unread => return Ok(Raised::default()),
    };
    let asked = if last_floor > ClaimSeq::ZERO { vec![last_floor] } else { Vec::new() };
    let mut of_slots = (0..SLOTS).map(|slot| (slot, asked.clone())).collect::<BTreeMap<_, _>>();
    for PartSeq { part, seq } in given_out {
        of_slots.entry(*part).or_default().push(*seq);
    }
    let of_home = of_slots.remove(&server.names().home()).unwrap_or_default();
    let of_slots = of_slots.into_iter().map(|(slot, given_out)| OfSlot { slot, given_out });
    let newest = high_water(server)?.max(above);
    let floor = time(server)?.max(newest.get().saturating_add(1));
    let floor = ClaimSeq::new(floor);
    let raise = |checkout: &mut Checkout<'_>, window: &Window<'_, OfSlot>, _: &mut Vec<()>| {
        raise_window(server, floor, checkout, window)
    };
    batch::in_any_order(server, BATCH, &of_slots.collect::<Vec<_>>(), raise)?;
    Ok(Raised { floor, beside_id, given_out: of_home })
}

/// Returns the time of the node that has the slot of the id, in microseconds.
fn time(server: &Server) -> Result<i64, Error> {
    let home = server.names().home();
    server.repeatable_step(StoreStep::Raise, home, Deadline::NEVER, |checkout| {
        let mut command = Packed::default();
        command.command(1, |args| {
            args.text("TIME");
        });
        parse_time(server.ask(checkout, &command)?)
    })
}

fn raise_window(
    server: &Server,
    floor: ClaimSeq,
    checkout: &mut Checkout<'_>,
    window: &Window<'_, OfSlot>,
) -> Result<(), BoxError> {
    let (names, last) = (server.names(), server.last_sighting());
    let seen = window.chunks.iter().map(|chunk| last.get(chunk.slot).0).collect::<Vec<_>>();
    let calls = window.pack(|calls, chunk| {
        let given_out = chunk.items.iter().flat_map(|of_slot| &of_slot.given_out);
        RAISE.call(calls, 2, 1 + given_out.clone().count(), |args| {
            args.text(&*names.high_water(chunk.slot)).text(&*names.given_out(chunk.slot));
            args.int(floor.get());
            for seq in given_out {
                args.int(seq.get());
            }
        });
    });
    let replies = server.run(&RAISE, checkout, &calls)?;
    for ((chunk, reply), nth) in window.with(replies).zip(seen) {
        let answer = ScriptAnswer::read(reply)?;
        match answer.word.as_slice() {
            b"ok" => last.note(nth, chunk.slot, answered_sequence(&answer)?),
            b"back" => {}
            _ => return Err(found::in_answer(names, chunk.slot, &answer, None)),
        }
    }
    Ok(())
}
