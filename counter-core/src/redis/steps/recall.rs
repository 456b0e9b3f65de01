use std::sync::LazyLock;
use std::time::Duration;

use super::found;
use super::values::{
    SEQUENCE_CONSTANTS, answered_sequence, parse_count, parse_generation, parse_noted,
};
use crate::error::{BoxError, Error, StoreStep};
use crate::protocol::ClaimSeq;
use crate::redis::connection::{Deadline, Names, Packed, Reply, Script, ScriptAnswer, Unexpected};
use crate::redis::server::Server;
use crate::store::{NotedRow, Recall};

static RECALL: LazyLock<Script> = LazyLock::new(|| {
    Script::with_constants(
        concat!(
            include_str!("count.lua"),
            include_str!("sequence.lua"),
            include_str!("given_out.lua"),
            include_str!("recall.lua")
        ),
        SEQUENCE_CONSTANTS,
    )
});

/// Where each slot of a cluster has a high water of its own, `recall_parts` asks for sequences.
static RECALL_MARKS: LazyLock<Script> = LazyLock::new(|| {
    Script::with_constants(
        concat!(
            include_str!("count.lua"),
            include_str!("sequence.lua"),
            include_str!("recall_marks.lua")
        ),
        SEQUENCE_CONSTANTS,
    )
});

/// Asks whether these sequences were given out in the generation with this id.
pub(crate) fn recall(
    server: &Server,
    store_id: &str,
    sequences: &[ClaimSeq],
    within: Duration,
) -> Result<Recall, Error> {
    recall_by(server, store_id, sequences, within, Malformed::Fail)
}

/// Returns what the store has noted, as far as it can be read.
pub(crate) fn readable_notes(
    server: &Server,
    store_id: &str,
    within: Duration,
) -> Result<Vec<NotedRow>, Error> {
    Ok(recall_by(server, store_id, &[], within, Malformed::LeaveOut)?.noted)
}

/// The treatment of marks that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Malformed {
    Fail,
    LeaveOut,
}

fn recall_by(
    server: &Server,
    store_id: &str,
    sequences: &[ClaimSeq],
    within: Duration,
    malformed: Malformed,
) -> Result<Recall, Error> {
    let until = Deadline::after(within);
    let names = server.names();
    let home = names.home();
    server.repeatable_step(StoreStep::Recall, home, until, |checkout| {
        let script = if names.are_spread() { &RECALL_MARKS } else { &RECALL };
        let reply = script.run(checkout, &recall_call(names, sequences), until)?.pop();
        let answer = ScriptAnswer::read(reply.unwrap_or(Reply::Other))?;
        if answer.word != b"ok" {
            return Err(found::in_answer(names, home, &answer, None));
        }
        let mut recall = read_recall(names, answer, malformed)?;
        if recall.store_id.as_deref() == Some(store_id) {
            if !names.are_spread() {
                server.last_sighting().note_recall(home, sequences, &recall);
            }
        } else {
            // Another generation did not give these out, so it has not forgotten them.
            recall.forgotten.clear();
            recall.noted.clear();
        }
        Ok(recall)
    })
}

fn recall_call(names: &Names, sequences: &[ClaimSeq]) -> Packed {
    let mut call = Packed::default();
    let home = names.home();
    if names.are_spread() {
        RECALL_MARKS.call(&mut call, 2, 0, |args| {
            args.text(names.generation()).text(names.marks());
        });
        return call;
    }
    RECALL.call(&mut call, 4, sequences.len(), |args| {
        args.text(names.generation()).text(&*names.high_water(home));
        args.text(&*names.given_out(home)).text(names.marks());
        for seq in sequences {
            args.int(seq.get());
        }
    });
    call
}

fn read_recall(
    names: &Names,
    mut answer: ScriptAnswer,
    malformed: Malformed,
) -> Result<Recall, BoxError> {
    let high_water = answered_sequence(&answer)?;
    let generation = answer.rest.next().ok_or(Unexpected)?.into_text()?.ok_or(Unexpected)?;
    let store_id = if generation.is_empty() {
        None
    } else {
        Some(parse_generation(generation, high_water)?.store_id)
    };
    let read = |reply: Reply| -> Result<ClaimSeq, BoxError> {
        let seq = reply.into_text()?.as_deref().and_then(parse_count).ok_or(Unexpected)?;
        Ok(ClaimSeq::new(seq))
    };
    let accepted = read(answer.rest.next().ok_or(Unexpected)?)?;
    let marks = answer.rest.next().ok_or(Unexpected)?.into_array()?;
    let noted = read_notes(names, marks, malformed)?;
    let forgotten = answer.rest.map(read).collect::<Result<_, _>>()?;
    Ok(Recall::new(store_id, high_water, accepted, forgotten).with_noted(noted))
}

/// Returns what the store has noted, from the fields and values of `{prefix}{marks}`.
fn read_notes(
    names: &Names,
    marks: Vec<Reply>,
    malformed: Malformed,
) -> Result<Vec<NotedRow>, BoxError> {
    let mut noted = Vec::with_capacity(marks.len() / 2);
    let mut marks = marks.into_iter();
    while let (Some(field), Some(value)) = (marks.next(), marks.next()) {
        let (field, value) = (field.into_text()?, value.into_text()?);
        let (field, value) = (field.unwrap_or_default(), value.unwrap_or_default());
        match parse_noted(&field, &value) {
            Some(row) => noted.push(row),
            None if malformed == Malformed::LeaveOut => {}
            None => return Err(found::no_marks(names, &value).into()),
        }
    }
    Ok(noted)
}
