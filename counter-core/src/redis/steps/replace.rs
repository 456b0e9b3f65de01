use std::sync::LazyLock;

use super::confirm::confirm;
use super::found;
use super::values::{SEQUENCE_CONSTANTS, parse_claim};
use crate::error::{BoxError, Error, Operation};
use crate::id::CounterId;
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

/// Drops what is pending and claimed of a counter, and makes a claim that sets or deletes it.
pub(crate) fn replace(
    server: &Server,
    id: &CounterId,
    replacement: Replacement,
    confirmation: ConfirmationRule,
) -> Result<Claim, Error> {
    let (operation, op) = match replacement {
        Replacement::Set(to) => (Operation::Set, ClaimOp::Set(to)),
        Replacement::Delete => (Operation::Delete, ClaimOp::Delete),
    };
    let replaced = server
        .for_caller(server.names().slot_of(id), |checkout| {
            replace_on(server, checkout, id, op, confirmation)
        })
        .unwrap_or_else(|why| Err(ExchangeError::NotSent(why)));
    let counter = || id.clone();
    replaced.map_err(|error| match error {
        ExchangeError::NotSent(source) => {
            Error::NotCounted { operation, counter: counter(), source }
        }
        ExchangeError::Interrupted(source) => {
            Error::OutcomeUnknown { operation, counter: counter(), source }
        }
    })
}

/// The script checks everything before it changes anything. So if the server refuses it, or a
/// command of it, nothing has happened: that is as good as not sent.
fn replace_on(
    server: &Server,
    checkout: &mut Checkout<'_>,
    id: &CounterId,
    op: ClaimOp,
    confirmation: ConfirmationRule,
) -> Result<Claim, ExchangeError> {
    let slot = server.names().slot_of(id);
    let (nth, _) = server.last_sighting().get(slot);
    let deadline = Deadline::after(server.timeouts().read);
    let reply = REPLACE.run(checkout, &replace_call(server, id, op), deadline)?.pop();
    let answer = match reply.unwrap_or(Reply::Other) {
        Reply::Refused(refused) if refused.proves_no_effect() => {
            return Err(ExchangeError::NotSent(refused.into()));
        }
        Reply::Refused(refused) => return Err(interrupted(checkout, refused.into())),
        reply => ScriptAnswer::read(reply),
    };
    let answer = answer.map_err(|why| interrupted(checkout, why))?;
    if answer.word != b"ok" {
        let foreign = found::in_answer(server.names(), slot, &answer, Some(id));
        return Err(ExchangeError::NotSent(foreign));
    }
    let claim = read_claim(id, answer).ok_or_else(|| interrupted(checkout, Unexpected.into()))?;
    let confirmed = confirm(server, checkout, confirmation, &[slot], 1);
    confirmed.map_err(|why| interrupted(checkout, why))?;
    server.last_sighting().note_claim(nth, slot, claim.seq);
    Ok(claim)
}

fn replace_call(server: &Server, id: &CounterId, op: ClaimOp) -> Packed {
    let names = server.names();
    let mut call = Packed::default();
    REPLACE.call(&mut call, 4, 1, |args| {
        let slot = names.slot_of(id);
        args.text(&*names.high_water(slot)).text(&*names.given_out(slot));
        names.write_pending(args, id);
        names.write_claim(args, id);
        args.text(op.to_string());
    });
    call
}

fn interrupted(checkout: &mut Checkout<'_>, why: BoxError) -> ExchangeError {
    checkout.mark_broken();
    ExchangeError::Interrupted(why)
}

fn read_claim(id: &CounterId, mut answer: ScriptAnswer) -> Option<Claim> {
    match answer.rest.next()? {
        Reply::Text(text) => parse_claim(id, &text),
        _ => None,
    }
}
