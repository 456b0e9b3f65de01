use std::sync::LazyLock;

use super::found;
use super::increment::SharedCause;
use super::values::COUNT_CONSTANTS;
use crate::error::{BoxError, Error, Operation};
use crate::printable::Printable;
use crate::protocol::Overflow;
use crate::redis::connection::{
    Checkout, Deadline, ExchangeError, Names, Packed, Reply, Script, Unexpected,
};
use crate::redis::server::Server;
use crate::store::{CountMove, MoveOutcome};

static MOVE_COUNTS: LazyLock<Script> = LazyLock::new(|| {
    let text = concat!(include_str!("count.lua"), include_str!("move_counts.lua"));
    Script::with_constants(text, COUNT_CONSTANTS)
});

/// How many moves are made by one call of the script.
const CHUNK: usize = 50;

type Outcome = Result<MoveOutcome, Error>;

/// Makes each move by a script that changes both counters or none. Returns an outcome for each.
pub(crate) fn move_counts(server: &Server, moves: &[CountMove]) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(moves.len());
    let mut why = None;
    let home = server.names().home();
    for moves in moves.chunks(CHUNK) {
        match server.for_caller(home, |checkout| move_chunk(server, checkout, moves)) {
            Ok(moved) => outcomes.extend(moved),
            Err(error) => why = Some(error),
        }
        if why.is_some() || outcomes.iter().any(is_unknown) {
            break;
        }
    }
    // The remaining moves were not sent.
    let why = SharedCause::from(why.unwrap_or_else(|| NotSent.into()));
    let rest = moves.iter().skip(outcomes.len());
    let rest = rest.map(|one| Err(not_moved(one, why.clone()))).collect::<Vec<_>>();
    outcomes.extend(rest);
    outcomes
}

/// A move was not sent.
#[derive(Debug, thiserror::Error)]
#[error("it was not sent, because one before it was not answered")]
struct NotSent;

fn is_unknown(outcome: &Outcome) -> bool {
    outcome.as_ref().is_err_and(Error::is_outcome_unknown)
}

fn move_chunk(server: &Server, checkout: &mut Checkout<'_>, moves: &[CountMove]) -> Vec<Outcome> {
    // A negated amount that does not fit is refused before anything is sent.
    let (possible, negated) = moves.iter().filter_map(with_negated).unzip::<_, _, Vec<_>, Vec<_>>();
    let mut made = made(server, checkout, &possible, &negated).into_iter();
    let outcome = |one: &CountMove| match one.by.checked_neg() {
        Some(_) => made.next().unwrap_or_else(|| Err(not_moved(one, Unexpected))),
        None => Err(not_moved(one, Overflow)),
    };
    moves.iter().map(outcome).collect()
}

fn with_negated(one: &CountMove) -> Option<(&CountMove, i64)> {
    Some((one, one.by.checked_neg()?))
}

fn made(
    server: &Server,
    checkout: &mut Checkout<'_>,
    moves: &[&CountMove],
    negated: &[i64],
) -> Vec<Outcome> {
    let call = move_call(server.names(), moves, negated);
    let deadline = Deadline::after(server.timeouts().read);
    let replies = MOVE_COUNTS.run(checkout, &call, deadline);
    let reply = replies.map(|mut replies| replies.pop().unwrap_or(Reply::Other));
    let texts = reply.and_then(|reply| texts_of(reply, moves.len(), checkout));
    match texts {
        Ok(texts) => {
            let outcomes = moves.iter().zip(texts);
            outcomes.map(|(one, text)| outcome(server.names(), one, &text)).collect()
        }
        Err(ExchangeError::NotSent(why)) => {
            let why = SharedCause::from(why);
            moves.iter().map(|one| Err(not_moved(one, why.clone()))).collect()
        }
        Err(ExchangeError::Interrupted(why)) => {
            let why = SharedCause::from(why);
            moves.iter().map(|one| Err(unknown(one, why.clone()))).collect()
        }
    }
}

/// Returns the text of each move. The script reads everything before it changes anything, so if the
/// server refuses it, nothing has happened.
fn texts_of(
    reply: Reply,
    moves: usize,
    checkout: &mut Checkout<'_>,
) -> Result<Vec<Vec<u8>>, ExchangeError> {
    let mut interrupted = |why: BoxError| {
        checkout.mark_broken();
        ExchangeError::Interrupted(why)
    };
    let texts = match reply {
        Reply::Refused(refused) if refused.proves_no_effect() => {
            return Err(ExchangeError::NotSent(refused.into()));
        }
        reply => reply.into_array().map_err(&mut interrupted)?,
    };
    let texts = texts.into_iter().map(|text| match text {
        Reply::Text(text) => Some(text),
        _ => None,
    });
    let texts = texts.collect::<Option<Vec<_>>>().filter(|texts| texts.len() == moves);
    texts.ok_or_else(|| interrupted(Unexpected.into()))
}

fn move_call(names: &Names, moves: &[&CountMove], negated: &[i64]) -> Packed {
    let mut call = Packed::default();
    MOVE_COUNTS.call(&mut call, 1 + 2 * moves.len(), 4 * moves.len(), |args| {
        args.text(&*names.high_water(names.home()));
        for one in moves {
            names.write_pending(args, &one.from);
            names.write_pending(args, &one.into);
        }
        for (one, negated) in moves.iter().zip(negated) {
            args.int(*negated).int(one.by).int(one.seen.high_water.get()).int(one.seen.pending);
        }
    });
    call
}

/// Returns what a text of the script says.
fn outcome(names: &Names, one: &CountMove, text: &[u8]) -> Outcome {
    let (which, why) = match text {
        [] => return Ok(MoveOutcome::Moved),
        [b'0'] => return Ok(MoveOutcome::Outdated),
        [which, b' ', why @ ..] => (*which, why),
        _ => return Err(unknown(one, Unexpected)),
    };
    let counter = if which == b'1' { &one.from } else { &one.into };
    match found::from_script(why, names, names.home(), Some(counter)) {
        Some(foreign) => Err(not_moved(one, foreign)),
        None => {
            let why = String::from_utf8_lossy(why);
            Err(not_moved(one, format!("the server answered: {}", Printable(&why))))
        }
    }
}

fn not_moved(one: &CountMove, source: impl Into<BoxError>) -> Error {
    let (operation, counter) = (Operation::Move, one.from.clone());
    Error::NotCounted { operation, counter, source: source.into() }
}

fn unknown(one: &CountMove, source: impl Into<BoxError>) -> Error {
    let (operation, counter) = (Operation::Move, one.from.clone());
    Error::OutcomeUnknown { operation, counter, source: source.into() }
}
