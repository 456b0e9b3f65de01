use std::sync::LazyLock;
use std::time::Duration;

use super::confirm::confirm;
use super::found;
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
use crate::store::Reading;

static RECORD: LazyLock<Script> = LazyLock::new(|| {
    Script::with_constants(
        concat!(
            include_str!("count.lua"),
            include_str!("sequence.lua"),
            include_str!("record.lua")
        ),
        SEQUENCE_CONSTANTS,
    )
});

/// How long the instant of the newest reading is remembered. After that the newest row says which
/// period it was in.
const REMEMBERED: Duration = Duration::from_secs(8 * 24 * 3600);

/// Sets the buckets of a reading, and the total if the reading is the newest. `None` if the newest
/// one is not known.
pub(crate) fn record(
    server: &Server,
    reading: &Reading,
    confirmation: ConfirmationRule,
) -> Result<Option<Vec<Claim>>, Error> {
    let slot = server.names().slot_of(&reading.total);
    let recorded = server
        .for_caller(slot, |checkout| record_on(server, checkout, slot, reading, confirmation))
        .unwrap_or_else(|why| Err(ExchangeError::NotSent(why)));
    let (operation, counter) = (Operation::Set, || reading.total.clone());
    recorded.map_err(|error| match error {
        ExchangeError::NotSent(source) => {
            Error::NotCounted { operation, counter: counter(), source }
        }
        ExchangeError::Interrupted(source) => {
            Error::OutcomeUnknown { operation, counter: counter(), source }
        }
    })
}

/// The script checks everything before it changes anything. So if the server refuses the script or
/// one of its commands, nothing was changed, as if it had not been sent.
fn record_on(
    server: &Server,
    checkout: &mut Checkout<'_>,
    slot: Slot,
    reading: &Reading,
    confirmation: ConfirmationRule,
) -> Result<Option<Vec<Claim>>, ExchangeError> {
    let (nth, _) = server.last_sighting().get(slot);
    let deadline = Deadline::after(server.timeouts().read);
    let reply = RECORD.run(checkout, &record_call(server, slot, reading), deadline)?.pop();
    let answer = match reply.unwrap_or(Reply::Other) {
        Reply::Refused(refused) if refused.proves_no_effect() => {
            return Err(ExchangeError::NotSent(refused.into()));
        }
        Reply::Refused(refused) => return Err(interrupted(checkout, refused.into())),
        reply => ScriptAnswer::read(reply),
    };
    let mut answer = answer.map_err(|why| interrupted(checkout, why))?;
    match answer.word.as_slice() {
        b"ok" => {}
        b"missing" => return Ok(None),
        _ => {
            let id = counter_of(reading, answer.rest.next());
            return Err(ExchangeError::NotSent(found::in_answer(
                server.names(),
                slot,
                &answer,
                id,
            )));
        }
    }
    let claims = read_claims(reading, answer);
    let claims = claims.ok_or_else(|| interrupted(checkout, Unexpected.into()))?;
    if let Some(newest) = claims.iter().map(|claim| claim.seq).max() {
        let confirmed = confirm(server, checkout, confirmation, &[slot], claims.len());
        confirmed.map_err(|why| interrupted(checkout, why))?;
        server.last_sighting().note_claim(nth, slot, newest);
    }
    Ok(Some(claims))
}

fn record_call(server: &Server, slot: Slot, reading: &Reading) -> Packed {
    let names = server.names();
    let mut call = Packed::default();
    let counters = 1 + reading.buckets.len();
    RECORD.call(&mut call, 3 + 2 * counters, 5 + reading.buckets.len(), |args| {
        args.text(&*names.high_water(slot)).text(&*names.given_out(slot));
        names.write_newest(args, &reading.total);
        for id in reading.ids() {
            names.write_pending(args, id);
            names.write_claim(args, id);
        }
        args.text(ClaimOp::Set(reading.value).to_string()).int(reading.at);
        match reading.known_newest {
            Some(newest) => args.int(newest),
            None => args.text(""),
        };
        args.int(i64::try_from(REMEMBERED.as_millis()).unwrap_or(i64::MAX)).int(reading.ahead);
        for (_, end) in &reading.buckets {
            args.int(*end);
        }
    });
    call
}

fn interrupted(checkout: &mut Checkout<'_>, why: BoxError) -> ExchangeError {
    checkout.mark_broken();
    ExchangeError::Interrupted(why)
}

/// Returns the counter whose number a script has returned.
fn counter_of(reading: &Reading, number: Option<Reply>) -> Option<&CounterId> {
    let Some(Reply::Text(number)) = number else { return None };
    let number = str::from_utf8(&number).ok()?.parse::<usize>().ok()?;
    reading.ids().nth(number.checked_sub(1)?)
}

fn read_claims(reading: &Reading, answer: ScriptAnswer) -> Option<Vec<Claim>> {
    let (mut claims, mut outcomes) = (Vec::new(), answer.rest);
    for id in reading.ids() {
        let Some(Reply::Text(text)) = outcomes.next() else { return None };
        if text != b"-" {
            claims.push(parse_claim(id, &text)?);
        }
    }
    Some(claims)
}
