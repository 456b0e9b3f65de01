use std::sync::LazyLock;
use std::time::Duration;

use super::confirm::confirm;
use super::found;
use super::values::{SEQUENCE_CONSTANTS, answered_sequence, parse_claim};
use crate::error::{BoxError, Error, StoreStep};
use crate::id::CounterId;
use crate::protocol::ClaimSeq;
use crate::redis::batch::{self, Batch, IfLost, Window};
use crate::redis::confirmation_rule::ConfirmationRule;
use crate::redis::connection::{
    Checkout, Deadline, Names, Packed, Reply, Script, ScriptAnswer, Unexpected,
};
use crate::redis::server::Server;
use crate::store::Claimed;

static CLAIM: LazyLock<Script> = LazyLock::new(|| {
    Script::with_constants(
        concat!(include_str!("count.lua"), include_str!("sequence.lua"), include_str!("claim.lua")),
        SEQUENCE_CONSTANTS,
    )
});

/// Repeated, the step takes over every claim, however young: those of the first try, whose answer
/// was lost, cannot be told from others'. To take over a living sync's costs work, and counts
/// nothing twice.
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
    let mut tries = 0;
    batch::in_chunks(server, BATCH, ids, |checkout, window, claimed| {
        let before = claimed.len();
        tries += u32::from(before == 0);
        let claim_timeout = if tries > 1 { Duration::ZERO } else { claim_timeout };
        let (nth, newest) = server.last_sighting().get();
        let high_water = claim_window(server, checkout, window, claim_timeout, newest, claimed)?;
        server.last_sighting().note(nth, high_water);
        let made = || claimed.iter().skip(before).filter_map(sequence_of);
        if let Some(newest) = made().max() {
            confirm(server, checkout, confirmation, made().count())?;
            // A claim that another program planted may be above all that the server has given out.
            server.last_sighting().note_claim(nth, newest.min(high_water));
        }
        Ok(())
    })
}

/// Makes the claims of a window. Returns the greatest high water of its answers.
fn claim_window(
    server: &Server,
    checkout: &mut Checkout<'_>,
    window: &Window<'_, CounterId>,
    claim_timeout: Duration,
    newest: ClaimSeq,
    claimed: &mut Vec<Claimed>,
) -> Result<ClaimSeq, BoxError> {
    let names = server.names();
    let calls =
        window.pack(|calls, ids| write_claim_call(calls, names, ids, claim_timeout, newest));
    let mut high_water = ClaimSeq::ZERO;
    for (ids, reply) in window.with(server.run(&CLAIM, checkout, &calls)?) {
        let answer = ScriptAnswer::read(reply)?;
        check(names, &answer, newest)?;
        high_water = high_water.max(answered_sequence(&answer)?);
        read_claims(names, ids, answer, claimed)?;
    }
    Ok(high_water)
}

fn write_claim_call(
    calls: &mut Packed,
    names: &Names,
    ids: &[CounterId],
    claim_timeout: Duration,
    newest: ClaimSeq,
) {
    CLAIM.call(calls, 2 + 2 * ids.len(), 2, |args| {
        args.text(names.high_water()).text(names.given_out());
        for id in ids {
            names.write_pending(args, id);
            names.write_claim(args, id);
        }
        args.int(i64::try_from(claim_timeout.as_micros()).unwrap_or(i64::MAX));
        args.int(newest.get());
    });
}

/// Checks that the script could claim anything.
fn check(names: &Names, answer: &ScriptAnswer, recorded: ClaimSeq) -> Result<(), BoxError> {
    match answer.word.as_slice() {
        b"ok" => Ok(()),
        b"back" => {
            let found = answered_sequence(answer)?;
            Err(Error::StoreWentBack { found, recorded }.into())
        }
        _ => Err(found::in_answer(names, answer, None)),
    }
}

fn read_claims(
    names: &Names,
    ids: &[CounterId],
    answer: ScriptAnswer,
    claimed: &mut Vec<Claimed>,
) -> Result<(), BoxError> {
    let mut outcomes = answer.rest;
    for id in ids {
        let Some(Reply::Text(outcome)) = outcomes.next() else {
            return Err(Unexpected.into());
        };
        claimed.push(read_claim(names, id, &outcome).ok_or(Unexpected)?);
    }
    Ok(())
}

fn read_claim(names: &Names, id: &CounterId, outcome: &[u8]) -> Option<Claimed> {
    Some(match outcome {
        b"n" => Claimed::Nothing,
        b"z" => Claimed::Zero,
        b"b" => Claimed::Busy,
        [b'f', text @ ..] => Claimed::Fresh(parse_claim(id, text)?),
        [b'e', text @ ..] => Claimed::Expiring(parse_claim(id, text)?),
        [b'r', text @ ..] => Claimed::Recovered(parse_claim(id, text)?),
        [b'x', code @ ..] => Claimed::Foreign(found::from_script(code, names, Some(id))?),
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
