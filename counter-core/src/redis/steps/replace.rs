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
use crate::protocol::{Claim, ClaimOp, Seen};
use crate::redis::confirmation_rule::ConfirmationRule;
use crate::redis::connection::{
    Checkout, Deadline, ExchangeError, Packed, Reply, Script, ScriptAnswer, Unexpected,
};
use crate::redis::server::Server;
use crate::store::{Replacement, SeenReplacement};

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
    let wanted = replacements.iter().map(|(id, to)| Wanted { id, to: *to, seen: None });
    let wanted = wanted.collect::<Vec<_>>();
    let claim_of = |(one, outcome): (&Wanted<'_>, Outcome)| {
        let claim = outcome.and_then(|claim| claim.ok_or_else(Failure::unexpected));
        claim.map_err(|failure| failure.of(one))
    };
    let outcomes = replace_all(server, &wanted, confirmation);
    wanted.iter().zip(outcomes).map(claim_of).collect()
}

/// Replaces those of these counters that are as they were seen. Returns an outcome for each.
pub(crate) fn replace_unchanged(
    server: &Server,
    replacements: &[SeenReplacement],
    confirmation: ConfirmationRule,
) -> Vec<Result<Option<Claim>, Error>> {
    let wanted = replacements.iter().map(|one| {
        let SeenReplacement { counter, to, seen } = one;
        Wanted { id: counter, to: *to, seen: Some(*seen) }
    });
    let wanted = wanted.collect::<Vec<_>>();
    let outcomes = replace_all(server, &wanted, confirmation);
    let outcomes = wanted.iter().zip(outcomes);
    outcomes.map(|(one, outcome)| outcome.map_err(|failure| failure.of(one))).collect()
}

/// A counter, and what it is replaced with.
#[derive(Debug, Clone, Copy)]
struct Wanted<'a> {
    id: &'a CounterId,
    to: Replacement,
    /// How it was seen, if it is replaced only if it is still so.
    seen: Option<Seen>,
}

/// The claim of a counter, or `None` if the counter is not as it was seen.
type Outcome = Result<Option<Claim>, Failure>;

fn replace_all(
    server: &Server,
    wanted: &[Wanted<'_>],
    confirmation: ConfirmationRule,
) -> Vec<Outcome> {
    let (names, mut by_slot) = (server.names(), BTreeMap::<Slot, Vec<usize>>::new());
    for (place, one) in wanted.iter().enumerate() {
        by_slot.entry(names.slot_of(one.id)).or_default().push(place);
    }
    let mut outcomes = Vec::new();
    outcomes.resize_with(wanted.len(), || None);
    // All failing calls together take no longer than one of them may.
    let patience = server.timeouts().wait.saturating_add(server.timeouts().read);
    let (mut failing, mut refused) = (Duration::ZERO, None::<SharedCause>);
    for (slot, places) in by_slot {
        for places in places.chunks(CHUNK) {
            let chunk = places.iter().filter_map(|place| wanted.get(*place).copied());
            let chunk = chunk.collect::<Vec<_>>();
            let started = Instant::now();
            let of_chunk = match &refused {
                Some(why) if failing >= patience || !names.are_spread() => {
                    chunk.iter().map(|_| Err(Failure::NotDone(why.clone()))).collect()
                }
                _ => {
                    let replaced = replace_chunk(server, slot, &chunk, confirmation);
                    let (of_chunk, failed) = match replaced {
                        Ok(Replaced { outcomes, unconfirmed }) => (outcomes, unconfirmed),
                        Err(why) => {
                            let of_each = chunk.iter().map(|_| Err(why.clone()));
                            (of_each.collect(), Some(why.cause().clone()))
                        }
                    };
                    if failed.is_some() {
                        failing += started.elapsed();
                        refused = failed;
                    }
                    of_chunk
                }
            };
            for (place, outcome) in places.iter().zip(of_chunk) {
                if let Some(of) = outcomes.get_mut(*place) {
                    *of = Some(outcome);
                }
            }
        }
    }
    let unexpected = || Err(Failure::unexpected());
    outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(unexpected)).collect()
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

    fn of(self, one: &Wanted<'_>) -> Error {
        let (operation, counter) = (operation_of(one.to), one.id.clone());
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

/// What a script has done.
struct Replaced {
    outcomes: Vec<Outcome>,
    /// Why the claims were not confirmed, if they should have been. Each outcome says so, too.
    unconfirmed: Option<SharedCause>,
}

/// Replaces counters of one slot. Fails for all of them, or returns an outcome for each.
fn replace_chunk(
    server: &Server,
    slot: Slot,
    chunk: &[Wanted<'_>],
    confirmation: ConfirmationRule,
) -> Result<Replaced, Failure> {
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
    chunk: &[Wanted<'_>],
    confirmation: ConfirmationRule,
) -> Result<Replaced, ExchangeError> {
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
    let claims = outcomes.iter().flatten().flatten();
    let (made, newest) = (claims.clone().count(), claims.map(|claim| claim.seq).max());
    let Some(newest) = newest else { return Ok(Replaced { outcomes, unconfirmed: None }) };
    if let Err(why) = confirm(server, checkout, confirmation, &[slot], made) {
        checkout.mark_broken();
        let why = SharedCause::from(why);
        let unconfirmed = |outcome: Outcome| match outcome {
            Ok(Some(_)) => Err(Failure::Unknown(why.clone())),
            // What the script left unchanged is unchanged all the same.
            other => other,
        };
        let outcomes = outcomes.into_iter().map(unconfirmed).collect();
        return Ok(Replaced { outcomes, unconfirmed: Some(why) });
    }
    server.last_sighting().note_claim(nth, slot, newest);
    Ok(Replaced { outcomes, unconfirmed: None })
}

fn replace_call(server: &Server, slot: Slot, chunk: &[Wanted<'_>]) -> Packed {
    let names = server.names();
    let mut call = Packed::default();
    let seen = chunk.iter().filter_map(|one| one.seen).collect::<Vec<_>>();
    REPLACE.call(&mut call, 2 + 2 * chunk.len(), chunk.len() + 2 * seen.len(), |args| {
        args.text(&*names.high_water(slot)).text(&*names.given_out(slot));
        for one in chunk {
            names.write_pending(args, one.id);
            names.write_claim(args, one.id);
        }
        for one in chunk {
            let op = match one.to {
                Replacement::Set(to) => ClaimOp::Set(to),
                Replacement::Delete => ClaimOp::Delete,
            };
            args.text(op.to_string());
        }
        for Seen { high_water, pending } in seen {
            args.int(high_water.get()).int(pending);
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
    chunk: &[Wanted<'_>],
    mut answer: ScriptAnswer,
) -> Option<Vec<Outcome>> {
    let outcome = |one: &Wanted<'_>| {
        let Reply::Text(text) = answer.rest.next()? else { return None };
        if text == b"-" && one.seen.is_some() {
            return Some(Ok(None));
        }
        if let Some(code) = text.strip_prefix(b"x") {
            let foreign = found::from_script(code, server.names(), slot, Some(one.id))?;
            return Some(Err(Failure::NotDone(BoxError::from(foreign).into())));
        }
        parse_claim(one.id, &text).map(|claim| Ok(Some(claim)))
    };
    chunk.iter().map(outcome).collect()
}
