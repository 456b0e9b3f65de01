//! The sequences that each slot of a cluster remembers giving out.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use super::claim::ON_ITS_WAY;
use super::found;
use super::values::{SEQUENCE_CONSTANTS, answered_sequence, parse_count};
use crate::error::{BoxError, Error, StoreStep};
use crate::names::Slot;
use crate::protocol::ClaimSeq;
use crate::redis::batch::{self, Batch, IfLost, InSlot, Window};
use crate::redis::connection::{
    Checkout, Deadline, Names, Reply, Script, ScriptAnswer, Unexpected,
};
use crate::redis::last_sighting::floor_of;
use crate::redis::server::Server;
use crate::store::{ForgottenPart, PartSeq, PartsRecall, Recall};

static RECALL: LazyLock<Script> = LazyLock::new(|| {
    Script::with_constants(
        concat!(
            include_str!("count.lua"),
            include_str!("sequence.lua"),
            include_str!("given_out.lua"),
            include_str!("ask_slot.lua"),
            include_str!("recall_in_slot.lua")
        ),
        SEQUENCE_CONSTANTS,
    )
});

/// The question to one slot.
#[derive(Debug, Clone)]
struct Question {
    slot: Slot,
    sequences: Vec<ClaimSeq>,
}

impl InSlot for Question {
    fn slot(&self, _names: &Names) -> Slot {
        self.slot
    }
}

/// The answer of one slot.
enum Answer {
    Recall(Slot, Recall),
    Nothing(Slot, String),
}

/// Asks each slot whether it gave out these sequences in the generation with this id.
pub(crate) fn recall_parts(
    server: &Server,
    store_id: &str,
    given_out: &[PartSeq],
    within: Duration,
) -> Result<PartsRecall, Error> {
    let mut of_slots = BTreeMap::<Slot, Vec<ClaimSeq>>::new();
    for PartSeq { part, seq } in given_out {
        of_slots.entry(*part).or_default().push(*seq);
    }
    // Each slot has given out the floor of the id.
    let floor = Some(floor_of(store_id)).filter(|floor| *floor > ClaimSeq::ZERO);
    of_slots.values_mut().for_each(|sequences| sequences.extend(floor));
    let questions = of_slots.into_iter().map(|(slot, sequences)| Question { slot, sequences });
    let questions = questions.collect::<Vec<_>>();
    let if_lost = IfLost::Repeat { until: Deadline::after(within) };
    let batch = Batch { step: StoreStep::Recall, chunk: 1, window: 1000, if_lost };
    let ask =
        |checkout: &mut Checkout<'_>, window: &Window<'_, Question>, answers: &mut Vec<Answer>| {
            ask(server, store_id, checkout, window, answers)
        };
    let silent = |error: Error, questions: &[Question]| match error {
        Error::Store { source, .. } => {
            let why = source.to_string();
            let nothing = |question: &Question| Answer::Nothing(question.slot, why.clone());
            Ok(questions.iter().map(nothing).collect())
        }
        error => Err(error),
    };
    let names = server.names();
    let mut recall = PartsRecall::default();
    for answer in batch::in_chunks_or(server, names, batch, &questions, ask, silent)? {
        match answer {
            Answer::Recall(slot, of_slot) => {
                recall.forgotten.extend(forgotten_in(slot, &of_slot));
                // Without a high water nothing is accepted.
                let accepted =
                    Some(of_slot.accepted).filter(|_| of_slot.high_water > ClaimSeq::ZERO);
                recall.accepted.extend(accepted.map(|seq| PartSeq { part: slot, seq }));
            }
            Answer::Nothing(slot, why) => recall.unanswered.push((slot, why)),
        }
    }
    Ok(recall)
}

fn ask(
    server: &Server,
    store_id: &str,
    checkout: &mut Checkout<'_>,
    window: &Window<'_, Question>,
    answers: &mut Vec<Answer>,
) -> Result<(), BoxError> {
    let names = server.names();
    let calls = window.pack(|calls, chunk| {
        let sequences = chunk.items.iter().flat_map(|question| &question.sequences);
        RECALL.call(calls, 2, sequences.clone().count(), |args| {
            args.text(&*names.high_water(chunk.slot)).text(&*names.given_out(chunk.slot));
            for seq in sequences {
                args.int(seq.get());
            }
        });
    });
    for (chunk, reply) in window.with(RECALL.run_at_once(checkout, &calls, window.until)?) {
        if reply.is_split() {
            answers.push(Answer::Nothing(chunk.slot, ON_ITS_WAY.to_owned()));
            continue;
        }
        let answer = match reply {
            // A node that takes no writes refuses those slots that have something to record.
            Reply::Refused(refused) if refused.proves_no_effect() => {
                answers.push(Answer::Nothing(chunk.slot, BoxError::from(refused).to_string()));
                continue;
            }
            reply => ScriptAnswer::read(reply)?,
        };
        if answer.word != b"ok" {
            let why = found::in_answer(names, chunk.slot, &answer, None).to_string();
            answers.push(Answer::Nothing(chunk.slot, why));
            continue;
        }
        let recall = read(store_id, answer)?;
        let asked = chunk.items.iter().flat_map(|question| question.sequences.clone());
        let asked = asked.collect::<Vec<_>>();
        server.last_sighting().note_recall(chunk.slot, &asked, &recall);
        answers.push(Answer::Recall(chunk.slot, recall));
    }
    Ok(())
}

fn read(store_id: &str, mut answer: ScriptAnswer) -> Result<Recall, BoxError> {
    let high_water = answered_sequence(&answer)?;
    let read = |reply: Reply| -> Result<ClaimSeq, BoxError> {
        let seq = reply.into_text()?.as_deref().and_then(parse_count).ok_or(Unexpected)?;
        Ok(ClaimSeq::new(seq))
    };
    let accepted = read(answer.rest.next().ok_or(Unexpected)?)?;
    let forgotten = answer.rest.map(read).collect::<Result<_, _>>()?;
    Ok(Recall::new(Some(store_id.to_owned()), high_water, accepted, forgotten))
}

/// Returns the newest sequence that a slot has forgotten and that is not accepted.
fn forgotten_in(part: Slot, recall: &Recall) -> Option<ForgottenPart> {
    let Recall { high_water: found, accepted, .. } = *recall;
    // Without a high water everything is forgotten, also what was accepted.
    let is_forgotten = |seq: &&ClaimSeq| **seq > accepted || found == ClaimSeq::ZERO;
    let forgotten = recall.forgotten.iter().filter(is_forgotten).max();
    forgotten.map(|forgotten| ForgottenPart { part, found, forgotten: *forgotten })
}
