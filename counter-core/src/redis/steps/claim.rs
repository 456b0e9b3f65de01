use std::sync::LazyLock;
use std::time::Duration;

use super::confirm::confirm;
use super::found;
use super::values::{SEQUENCE_CONSTANTS, answered_sequence, parse_claim, parse_count};
use crate::error::{BoxError, Error, StoreStep};
use crate::id::CounterId;
use crate::names::Slot;
use crate::protocol::ClaimSeq;
use crate::redis::batch::{self, Batch, Chunk, IfLost, Window};
use crate::redis::confirmation_rule::ConfirmationRule;
use crate::redis::connection::{
    Checkout, Deadline, Names, Packed, Reply, Script, ScriptAnswer, Unexpected,
};
use crate::redis::last_sighting::NthGeneration;
use crate::redis::server::Server;
use crate::store::{Claimed, ForgottenPart};

static CLAIM: LazyLock<Script> = LazyLock::new(|| {
    Script::with_constants(
        concat!(include_str!("count.lua"), include_str!("sequence.lua"), include_str!("claim.lua")),
        SEQUENCE_CONSTANTS,
    )
});

/// Repeated, the step takes over every claim, however young: those of the first try, whose answer
/// was lost, cannot be distinguished from others'. To take over a living sync's costs work, and
/// counts nothing twice.
const BATCH: Batch = Batch {
    step: StoreStep::Claim,
    chunk: 50,
    window: 80,
    if_lost: IfLost::Repeat { until: Deadline::NEVER },
};

/// Turns what is pending of each counter into a claim.
pub(crate) fn claim(
    server: &Server,
    ids: &[CounterId],
    claim_timeout: Duration,
    confirmation: ConfirmationRule,
) -> Result<Vec<Claimed>, Error> {
    let mut tried = None;
    let mut is_repeated = false;
    let claim = |checkout: &mut Checkout<'_>,
                 window: &Window<'_, CounterId>,
                 claimed: &mut Vec<Claimed>| {
        // A command that is sent once more would find its own claims, and take them for others'.
        checkout.repeat_nothing();
        if claimed.is_empty() {
            let first = window.chunks.first().and_then(|chunk| chunk.items.first()).cloned();
            is_repeated = tried == first;
            tried = first;
        }
        let claim_timeout = if is_repeated { Duration::ZERO } else { claim_timeout };
        ClaimWindow { server, confirmation, claim_timeout }.claim(checkout, window, claimed)
    };
    let names = server.names();
    batch::in_chunks_or(server, names, BATCH, ids, claim, |error, ids| {
        unavailable(server, error, ids)
    })
}

/// If counters are on many nodes, a node that cannot make claims does not stop the others.
fn unavailable(server: &Server, error: Error, ids: &[CounterId]) -> Result<Vec<Claimed>, Error> {
    match &error {
        Error::Store { source, .. } if server.names().are_spread() => {
            let why = source.to_string();
            Ok(ids.iter().map(|_| Claimed::Unavailable { why: why.clone() }).collect())
        }
        _ => Err(error),
    }
}

/// The arguments of the claims of a window.
struct ClaimWindow<'s> {
    server: &'s Server,
    confirmation: ConfirmationRule,
    claim_timeout: Duration,
}

impl ClaimWindow<'_> {
    fn claim(
        &self,
        checkout: &mut Checkout<'_>,
        window: &Window<'_, CounterId>,
        claimed: &mut Vec<Claimed>,
    ) -> Result<(), BoxError> {
        let Self { server, confirmation, .. } = *self;
        let last = server.last_sighting();
        let seen = window.chunks.iter().map(|chunk| last.get(chunk.slot)).collect::<Vec<_>>();
        let calls = self.pack(window, &seen);
        let replies = self.run(checkout, &calls)?;
        let moved = self.moved(checkout);
        let (mut slots, mut newest_made, mut made) = (Vec::new(), Vec::new(), 0);
        for (index, ((chunk, reply), (nth, newest))) in window.with(replies).zip(seen).enumerate() {
            let before = claimed.len();
            let high_water = self.read(chunk, reply, newest, claimed)?;
            last.note(nth, chunk.slot, high_water);
            if moved.contains(&index) {
                claimed.truncate(before);
                claimed.extend(chunk.items.iter().map(|_| on_its_way()));
            }
            let sequences = claimed.iter().skip(before).filter_map(sequence_of);
            made += sequences.clone().count();
            if let Some(newest) = sequences.max() {
                slots.push(chunk.slot);
                // A claim that another program planted may be above all that the server has given
                // out.
                newest_made.push((nth, chunk.slot, newest.min(high_water)));
            }
        }
        if made > 0 {
            confirm(server, checkout, confirmation, &slots, made)?;
        }
        for (nth, slot, newest) in newest_made {
            last.note_claim(nth, slot, newest);
        }
        Ok(())
    }

    fn pack(&self, window: &Window<'_, CounterId>, seen: &[(NthGeneration, ClaimSeq)]) -> Packed {
        let (names, last) = (self.server.names(), self.server.last_sighting());
        let mut newest = seen.iter().map(|(_, newest)| *newest);
        window.pack(|calls, chunk| {
            let newest = newest.next().unwrap_or_default();
            let has_gone_back = names.are_spread() && last.forgotten_in(chunk.slot).is_some();
            // No high water is as high, so nothing is claimed.
            let newest = if has_gone_back { ClaimSeq::GREATEST } else { newest };
            write_claim_call(calls, names, chunk, self.claim_timeout, newest);
        })
    }

    /// A call whose names are on two nodes makes no other wait, where those are in other slots.
    fn run(&self, checkout: &mut Checkout<'_>, calls: &Packed) -> Result<Vec<Reply>, BoxError> {
        if self.server.names().are_spread() {
            self.server.run_at_once(&CLAIM, checkout, calls)
        } else {
            self.server.run(&CLAIM, checkout, calls)
        }
    }

    /// Returns the calls whose claims cannot be confirmed on this connection.
    fn moved<'c>(&self, checkout: &'c Checkout<'_>) -> &'c [usize] {
        let is_awaited = self.confirmation != ConfirmationRule::Never;
        if is_awaited && self.server.names().are_spread() { &checkout.rerouted } else { &[] }
    }

    /// Reads an answer. Returns the high water that it names.
    fn read(
        &self,
        chunk: &Chunk<'_, CounterId>,
        reply: Reply,
        newest: ClaimSeq,
        claimed: &mut Vec<Claimed>,
    ) -> Result<ClaimSeq, BoxError> {
        let names = self.server.names();
        if names.are_spread() && reply.is_split() {
            claimed.extend(chunk.items.iter().map(|_| on_its_way()));
            return Ok(ClaimSeq::ZERO);
        }
        let mut answer = ScriptAnswer::read(reply)?;
        if names.are_spread() && answer.word == b"back" {
            let found = answered_sequence(&answer)?;
            let known = answer.rest.next().and_then(|reply| reply.into_text().ok()?);
            let known = known.as_deref().and_then(parse_count).map(ClaimSeq::new);
            let seen = self.server.last_sighting().forgotten_in(chunk.slot);
            let forgotten = known.or(seen).unwrap_or(newest);
            let part = ForgottenPart { part: chunk.slot, found, forgotten };
            claimed.extend(chunk.items.iter().map(|_| Claimed::WentBack(part)));
            return Ok(found);
        }
        check(names, chunk.slot, &answer, newest)?;
        let high_water = answered_sequence(&answer)?;
        read_claims(names, chunk, answer, claimed)?;
        Ok(high_water)
    }
}

/// Why nothing can be done with several names of a slot while it moves.
pub(super) const ON_ITS_WAY: &str = "its slot is on its way to another node";

fn on_its_way() -> Claimed {
    Claimed::Unavailable { why: ON_ITS_WAY.to_owned() }
}

fn write_claim_call(
    calls: &mut Packed,
    names: &Names,
    chunk: &Chunk<'_, CounterId>,
    claim_timeout: Duration,
    newest: ClaimSeq,
) {
    CLAIM.call(calls, 2 + 2 * chunk.items.len(), 2, |args| {
        args.text(&*names.high_water(chunk.slot)).text(&*names.given_out(chunk.slot));
        for id in chunk.items {
            names.write_pending(args, id);
            names.write_claim(args, id);
        }
        args.int(i64::try_from(claim_timeout.as_micros()).unwrap_or(i64::MAX));
        args.int(newest.get());
    });
}

/// Checks that the script could claim anything.
fn check(
    names: &Names,
    slot: Slot,
    answer: &ScriptAnswer,
    recorded: ClaimSeq,
) -> Result<(), BoxError> {
    match answer.word.as_slice() {
        b"ok" => Ok(()),
        b"back" => {
            let found = answered_sequence(answer)?;
            Err(Error::StoreWentBack { found, recorded }.into())
        }
        _ => Err(found::in_answer(names, slot, answer, None)),
    }
}

fn read_claims(
    names: &Names,
    chunk: &Chunk<'_, CounterId>,
    answer: ScriptAnswer,
    claimed: &mut Vec<Claimed>,
) -> Result<(), BoxError> {
    let mut outcomes = answer.rest;
    for id in chunk.items {
        let Some(Reply::Text(outcome)) = outcomes.next() else {
            return Err(Unexpected.into());
        };
        claimed.push(read_claim(names, chunk.slot, id, &outcome).ok_or(Unexpected)?);
    }
    Ok(())
}

fn read_claim(names: &Names, slot: Slot, id: &CounterId, outcome: &[u8]) -> Option<Claimed> {
    Some(match outcome {
        b"n" => Claimed::Nothing,
        b"z" => Claimed::Zero,
        b"b" => Claimed::Busy,
        [b'f', text @ ..] => Claimed::Fresh(parse_claim(id, text)?),
        [b'e', text @ ..] => Claimed::Expiring(parse_claim(id, text)?),
        [b'r', text @ ..] => Claimed::Recovered(parse_claim(id, text)?),
        [b'x', code @ ..] => Claimed::Foreign(found::from_script(code, names, slot, Some(id))?),
        _ => return None,
    })
}

/// Returns the sequence of a claim that was made or recovered.
fn sequence_of(claimed: &Claimed) -> Option<ClaimSeq> {
    match claimed {
        Claimed::Fresh(claim) | Claimed::Expiring(claim) | Claimed::Recovered(claim) => {
            Some(claim.seq)
        }
        _ => None,
    }
}
