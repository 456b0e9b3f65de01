use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use super::confirm::confirm;
use super::found;
use super::increment::SharedCause;
use super::values::{SEQUENCE_CONSTANTS, parse_claim};
use crate::error::{BoxError, Error, Operation};
use crate::id::CounterId;
use crate::names::Slot;
use crate::protocol::{Claim, ClaimOp};
use crate::redis::confirmation_rule::ConfirmationRule;
use crate::redis::connection::{
    Checkout, Deadline, ExchangeError, Packed, Reply, Script, ScriptAnswer, Unexpected,
};
use crate::redis::server::Server;
use crate::store::Replacement;

static REPLACE: LazyLock<Script> = LazyLock::new(|| {
    Script::with_constants(
        concat!(
            include_str!("count.lua"),
            include_str!("sequence.lua"),
            include_str!("replace.lua")
        ),
        SEQUENCE_CONSTANTS,
    )
});

/// Maximum number of counters that one call of the script replaces. The server does nothing else
/// meanwhile.
const CHUNK: usize = 200;

/// Drops what is pending and claimed of a counter, and makes a claim that sets or deletes it.
pub(crate) fn replace(
    server: &Server,
    id: &CounterId,
    replacement: Replacement,
    confirmation: ConfirmationRule,
) -> Result<Claim, Error> {
    let replaced = replace_many(server, &[(id.clone(), replacement)], confirmation);
    replaced.into_iter().next().unwrap_or_else(|| {
        let (operation, counter) = (operation_of(replacement), id.clone());
        Err(Error::OutcomeUnknown { operation, counter, source: Unexpected.into() })
    })
}

/// Replaces many counters, those of one slot by one script. Returns an outcome for each.
pub(crate) fn replace_many(
    server: &Server,
    replacements: &[(CounterId, Replacement)],
    confirmation: ConfirmationRule,
) -> Vec<Result<Claim, Error>> {
    let (names, mut by_slot) = (server.names(), BTreeMap::<Slot, Vec<usize>>::new());
    for (place, (id, _)) in replacements.iter().enumerate() {
        by_slot.entry(names.slot_of(id)).or_default().push(place);
    }
    let mut outcomes = Vec::new();
    outcomes.resize_with(replacements.len(), || None);
    // All failing calls together take no longer than one of them may.
    let patience = server.timeouts().wait.saturating_add(server.timeouts().read);
    let (mut failing, mut refused) = (Duration::ZERO, None::<SharedCause>);
    for (slot, places) in by_slot {
        for places in places.chunks(CHUNK) {
            let chunk = places.iter().filter_map(|place| replacements.get(*place));
            let chunk = chunk.collect::<Vec<_>>();
            let started = Instant::now();
            let of_chunk = match &refused {
                Some(why) if failing >= patience || !names.are_spread() => {
                    chunk.iter().map(|_| Err(Failure::NotDone(why.clone()))).collect()
                }
                _ => replace_chunk(server, slot, &chunk, confirmation).unwrap_or_else(|why| {
                    failing += started.elapsed();
                    refused = Some(why.cause().clone());
                    chunk.iter().map(|_| Err(why.clone())).collect()
                }),
            };
            for (place, outcome) in places.iter().zip(of_chunk) {
                if let Some(of) = outcomes.get_mut(*place) {
                    *of = Some(outcome);
                }
            }
        }
    }
    let outcome = |((id, replacement), outcome): (&(CounterId, Replacement), Option<_>)| {
        let outcome: Result<Claim, Failure> = outcome.unwrap_or_else(|| Err(Failure::unexpected()));
        outcome.map_err(|failure| failure.of(id, *replacement))
    };
    replacements.iter().zip(outcomes).map(outcome).collect()
}

/// Why a counter has no new claim.
#[derive(Debug, Clone)]
enum Failure {
    /// Nothing was changed.
    NotDone(SharedCause),
    /// It may have one.
    Unknown(SharedCause),
}

impl Failure {
    fn unexpected() -> Self {
        Self::Unknown(SharedCause::from(BoxError::from(Unexpected)))
    }

    fn cause(&self) -> &SharedCause {
        match self {
            Self::NotDone(why) | Self::Unknown(why) => why,
        }
    }

    fn of(self, id: &CounterId, replacement: Replacement) -> Error {
        let (operation, counter) = (operation_of(replacement), id.clone());
        match self {
            Self::NotDone(why) => {
                Error::NotCounted { operation, counter, source: why.into_cause() }
            }
            Self::Unknown(why) => {
                Error::OutcomeUnknown { operation, counter, source: why.into_cause() }
            }
        }
    }
}

fn operation_of(replacement: Replacement) -> Operation {
    match replacement {
        Replacement::Set(_) => Operation::Set,
        Replacement::Delete => Operation::Delete,
    }
}

/// Replaces counters of one slot. Fails for all of them, or returns an outcome for each.
fn replace_chunk(
    server: &Server,
    slot: Slot,
    chunk: &[&(CounterId, Replacement)],
    confirmation: ConfirmationRule,
) -> Result<Vec<Result<Claim, Failure>>, Failure> {
    let replaced = server
        .for_caller(slot, |checkout| replace_on(server, checkout, slot, chunk, confirmation))
        .unwrap_or_else(|why| Err(ExchangeError::NotSent(why)));
    replaced.map_err(|error| match error {
        ExchangeError::NotSent(why) => Failure::NotDone(why.into()),
        ExchangeError::Interrupted(why) => Failure::Unknown(why.into()),
    })
}

/// The script checks everything before it changes anything. So if the server refuses it, or a
/// command of it, nothing has happened: that is as good as not sent.
fn replace_on(
    server: &Server,
    checkout: &mut Checkout<'_>,
    slot: Slot,
    chunk: &[&(CounterId, Replacement)],
    confirmation: ConfirmationRule,
) -> Result<Vec<Result<Claim, Failure>>, ExchangeError> {
    let (nth, _) = server.last_sighting().get(slot);
    let deadline = Deadline::after(server.timeouts().read);
    let reply = REPLACE.run(checkout, &replace_call(server, slot, chunk), deadline)?.pop();
    let answer = match reply.unwrap_or(Reply::Other) {
        Reply::Refused(refused) if refused.proves_no_effect() => {
            return Err(ExchangeError::NotSent(refused.into()));
        }
        Reply::Refused(refused) => return Err(interrupted(checkout, refused.into())),
        reply => ScriptAnswer::read(reply),
    };
    let answer = answer.map_err(|why| interrupted(checkout, why))?;
    if answer.word != b"ok" {
        let foreign = found::in_answer(server.names(), slot, &answer, None);
        return Err(ExchangeError::NotSent(foreign));
    }
    let outcomes = read_outcomes(server, slot, chunk, answer);
    let outcomes = outcomes.ok_or_else(|| interrupted(checkout, Unexpected.into()))?;
    let made = outcomes.iter().flatten().count();
    if made > 0 {
        let confirmed = confirm(server, checkout, confirmation, &[slot], made);
        confirmed.map_err(|why| interrupted(checkout, why))?;
    }
    if let Some(newest) = outcomes.iter().flatten().map(|claim| claim.seq).max() {
        server.last_sighting().note_claim(nth, slot, newest);
    }
    Ok(outcomes)
}

fn replace_call(server: &Server, slot: Slot, chunk: &[&(CounterId, Replacement)]) -> Packed {
    let names = server.names();
    let mut call = Packed::default();
    REPLACE.call(&mut call, 2 + 2 * chunk.len(), chunk.len(), |args| {
        args.text(&*names.high_water(slot)).text(&*names.given_out(slot));
        for (id, _) in chunk {
            names.write_pending(args, id);
            names.write_claim(args, id);
        }
        for (_, replacement) in chunk {
            let op = match replacement {
                Replacement::Set(to) => ClaimOp::Set(*to),
                Replacement::Delete => ClaimOp::Delete,
            };
            args.text(op.to_string());
        }
    });
    call
}

fn interrupted(checkout: &mut Checkout<'_>, why: BoxError) -> ExchangeError {
    checkout.mark_broken();
    ExchangeError::Interrupted(why)
}

fn read_outcomes(
    server: &Server,
    slot: Slot,
    chunk: &[&(CounterId, Replacement)],
    mut answer: ScriptAnswer,
) -> Option<Vec<Result<Claim, Failure>>> {
    let outcome = |(id, _): &&(CounterId, Replacement)| {
        let Reply::Text(text) = answer.rest.next()? else { return None };
        if let Some(code) = text.strip_prefix(b"x") {
            let foreign = found::from_script(code, server.names(), slot, Some(id))?;
            return Some(Err(Failure::NotDone(BoxError::from(foreign).into())));
        }
        parse_claim(id, &text).map(Ok)
    };
    chunk.iter().map(outcome).collect()
}
