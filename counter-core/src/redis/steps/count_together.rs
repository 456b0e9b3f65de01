use std::sync::LazyLock;

use super::increment::{Found, SharedCause, not_counted, unknown};
use crate::error::{BoxError, Error};
use crate::names::Slot;
use crate::printable::Printable;
use crate::protocol::Overflow;
use crate::redis::connection::{
    Checkout, Deadline, ExchangeError, Names, Packed, Reply, Script, Unexpected,
};
use crate::redis::server::Server;
use crate::store::JointIncrement;

static COUNT_TOGETHER: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("count_together.lua")));

/// How many counters one call of the script adds to at most, unless one increment has more. The
/// server does nothing else meanwhile.
const CHUNK: usize = 100;

/// How many calls are sent before their replies are read.
const WINDOW: usize = 40;

/// The state that an increment found of each of its counters, the total first.
pub(crate) type Outcome = Result<Vec<Found>, Error>;

/// An increment, and what takes it back.
type Sent<'a> = (&'a JointIncrement, i64);

/// Adds to the total and to all buckets of an increment or to none of them, for each increment.
/// Returns an outcome for each.
pub(crate) fn count_together(server: &Server, increments: &[JointIncrement]) -> Vec<Outcome> {
    let with_back = |one: &'_ JointIncrement| one.by.checked_neg();
    let possible = increments.iter().filter_map(|one| Some((one, with_back(one)?)));
    let possible = possible.collect::<Vec<Sent<'_>>>();
    let mut counted = Vec::with_capacity(possible.len());
    let names = server.names();
    let slot = possible.first().map_or(names.home(), |(one, _)| names.slot_of(&one.total));
    let sent = server
        .for_caller(slot, |checkout| send(server, checkout, &possible, &mut counted))
        .unwrap_or_else(|why| Err(why.into()));
    // The remaining increments were not sent.
    if let Err(why) = sent {
        let rest = possible.iter().skip(counted.len());
        counted.extend(rest.map(|(one, _)| Err(not_counted(&one.total, why.clone()))));
    }
    let mut counted = counted.into_iter();
    let outcome = |one: &JointIncrement| match with_back(one) {
        None => Err(not_counted(&one.total, Overflow)),
        Some(_) => counted.next().unwrap_or_else(|| Err(unknown(&one.total, Unexpected))),
    };
    increments.iter().map(outcome).collect()
}

/// Sends one window after another, all by one deadline, until that is over or the connection fails.
fn send(
    server: &Server,
    checkout: &mut Checkout<'_>,
    increments: &[Sent<'_>],
    counted: &mut Vec<Outcome>,
) -> Result<(), SharedCause> {
    let deadline = Deadline::after(server.timeouts().read);
    let names = server.names();
    let slot_of = |one: &JointIncrement| names.slot_of(&one.total);
    for window in chunks(increments, slot_of).chunks(WINDOW) {
        let mut calls = Packed::default();
        for increments in window {
            if let Some((one, _)) = increments.first() {
                calls.at(slot_of(one));
            }
            write_call(&mut calls, server.names(), increments);
        }
        match COUNT_TOGETHER.run(checkout, &calls, deadline) {
            Ok(replies) => {
                for (increments, reply) in window.iter().zip(replies) {
                    counted.extend(outcomes(checkout, increments, reply));
                }
            }
            Err(ExchangeError::NotSent(why)) => return Err(why.into()),
            Err(ExchangeError::Interrupted(why)) => {
                let why = SharedCause::from(why);
                let unanswered = window.iter().flat_map(|increments| increments.iter());
                counted.extend(unanswered.map(|(one, _)| Err(unknown(&one.total, why.clone()))));
                return Err(why);
            }
        }
    }
    Ok(())
}

/// Returns the increments in parts, each for one call. In a cluster all of one are in one slot.
fn chunks<'a, 'b>(
    increments: &'a [Sent<'b>],
    slot_of: impl Fn(&JointIncrement) -> Slot,
) -> Vec<&'a [Sent<'b>]> {
    let mut names = 0;
    let chunks = increments.chunk_by(move |(one, _), (next, _)| {
        names += 1 + one.buckets.len();
        let fits = names + 1 + next.buckets.len() <= CHUNK && slot_of(one) == slot_of(next);
        if !fits {
            names = 0;
        }
        fits
    });
    chunks.collect()
}

fn write_call(calls: &mut Packed, names: &Names, increments: &[Sent<'_>]) {
    let ids = increments.iter().flat_map(|(one, _)| one.ids());
    COUNT_TOGETHER.call(calls, ids.clone().count(), 3 * increments.len(), |args| {
        for id in ids {
            names.write_pending(args, id);
        }
        for (one, back) in increments {
            args.int(i64::try_from(1 + one.buckets.len()).unwrap_or(i64::MAX));
            args.int(one.by).int(*back);
        }
    });
}

/// Returns what a call's reply means for each of its increments. A call that the server refuses has
/// changed nothing only where the error proves that.
fn outcomes(checkout: &mut Checkout<'_>, increments: &[Sent<'_>], reply: Reply) -> Vec<Outcome> {
    let of_each = |error: &dyn Fn(&JointIncrement) -> Error| {
        increments.iter().map(|(one, _)| Err(error(one))).collect()
    };
    match reply {
        Reply::Refused(refused) if refused.proves_no_effect() => {
            of_each(&|one| not_counted(&one.total, refused.clone()))
        }
        Reply::Refused(refused) => of_each(&|one| unknown(&one.total, refused.clone())),
        reply => match texts_of(reply, increments.len()) {
            Some(texts) => {
                let outcomes = increments.iter().zip(texts);
                outcomes.map(|((one, _), text)| outcome(one, &text)).collect()
            }
            None => {
                checkout.mark_broken();
                of_each(&|one| unknown(&one.total, Unexpected))
            }
        },
    }
}

fn texts_of(reply: Reply, increments: usize) -> Option<Vec<Vec<u8>>> {
    let texts = reply.into_array().ok()?.into_iter().map(|text| match text {
        Reply::Text(text) => Some(text),
        _ => None,
    });
    let texts = texts.collect::<Option<Vec<_>>>()?;
    (texts.len() == increments).then_some(texts)
}

/// Returns what a text of the script says.
fn outcome(one: &JointIncrement, text: &[u8]) -> Outcome {
    if let Some(found) = text.strip_prefix(b"+") {
        let found = found.iter().map(|found| match found {
            b'1' => Found::Nothing,
            _ => Found::Something,
        });
        return Ok(found.collect());
    }
    let text = String::from_utf8_lossy(text);
    let refused = text.split_once(' ').and_then(|(number, why)| {
        let id = one.ids().nth(number.parse::<usize>().ok()?.checked_sub(1)?)?;
        let why: BoxError = format!("the server answered: {}", Printable(why)).into();
        Some(not_counted(id, why))
    });
    Err(refused.unwrap_or_else(|| unknown(&one.total, Unexpected)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::CounterId;

    fn increment(buckets: usize) -> JointIncrement {
        let total = CounterId::new("post", 1, "views").unwrap();
        let day = "day:2026-11-28".parse::<crate::Period>().unwrap();
        let days = std::iter::successors(Some(day), |day| Some(day.next()));
        let buckets = days.take(buckets).map(|day| total.within(day).unwrap()).collect();
        JointIncrement { total, buckets, by: 5 }
    }

    #[test]
    fn a_call_has_no_more_counters_than_a_server_may_be_kept_with() {
        let all = [1, 1, 97, 2, 250, 0, 98, 0].map(increment);
        let all = all.iter().map(|one| (one, -5)).collect::<Vec<_>>();
        let sizes = chunks(&all, |_| 0)
            .into_iter()
            .map(|chunk| chunk.iter().map(|(one, _)| one.ids().count()).collect::<Vec<_>>());
        let expected = [vec![2, 2], vec![98], vec![3], vec![251], vec![1, 99], vec![1]];
        assert_eq!(sizes.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_text_of_the_script_names_the_counter_that_was_refused() {
        let one = increment(2);
        assert_eq!(outcome(&one, b"+101").unwrap().len(), 3);
        let refused = outcome(&one, b"3 ERR value is not an integer or out of range").unwrap_err();
        assert!(
            matches!(&refused, Error::NotCounted { counter, .. } if *counter == one.buckets[1])
        );
        for text in [&b""[..], b"4 ERR", b"0 ERR", b"x", b"-1 ERR"] {
            let unclear = outcome(&one, text).unwrap_err();
            assert!(unclear.is_outcome_unknown(), "{text:?}: {unclear:?}");
        }
    }
}
