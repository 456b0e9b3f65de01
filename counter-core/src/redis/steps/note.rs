use std::sync::LazyLock;

use super::ack::ack;
use super::found;
use crate::error::{BoxError, Error, StoreStep};
use crate::protocol::{Claim, NoteOutcome};
use crate::redis::batch::{self, Batch, IfLost};
use crate::redis::connection::{Deadline, Names, Packed, Reply, Script, ScriptAnswer, Unexpected};
use crate::redis::server::Server;
use crate::store::NotedRow;

static NOTE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("note.lua")));

const BATCH: Batch = Batch {
    step: StoreStep::Ack,
    chunk: 200,
    window: 20,
    if_lost: IfLost::Repeat { until: Deadline::NEVER },
};

/// Notes which marks a row of the record has. If that proves that the claims are in the database
/// that the store is synced into, removes those that are still exactly the given ones.
pub(crate) fn note(
    server: &Server,
    store_id: &str,
    noted: &NotedRow,
    claims: &[Claim],
) -> Result<NoteOutcome, Error> {
    let call = NoteCall { names: server.names(), store_id, noted };
    if claims.is_empty() {
        return call.alone(server);
    }
    if server.names().are_spread() {
        // No script reaches the claims too. An operator's decision may come in between, as it may
        // come after both.
        let note_outcome = call.alone(server)?;
        if note_outcome.is_proven() {
            ack(server, claims)?;
        }
        return Ok(note_outcome);
    }
    let outcomes = batch::in_any_order(server, BATCH, claims, |checkout, window, outcomes| {
        let calls = window.pack(|calls, chunk| call.write(calls, chunk.items));
        for reply in server.run(&NOTE, checkout, &calls)? {
            outcomes.push(call.read(reply)?);
        }
        Ok(())
    })?;
    // Another process may have noted something between two of the calls.
    let unproven = outcomes.iter().find(|note_outcome| !note_outcome.is_proven());
    Ok(unproven.or(outcomes.first()).copied().unwrap_or(NoteOutcome::Known))
}

struct NoteCall<'a> {
    names: &'a Names,
    store_id: &'a str,
    noted: &'a NotedRow,
}

impl NoteCall<'_> {
    fn alone(&self, server: &Server) -> Result<NoteOutcome, Error> {
        let home = self.names.home();
        server.repeatable_step(BATCH.step, home, Deadline::NEVER, |checkout| {
            let mut calls = Packed::default();
            self.write(&mut calls, &[]);
            let reply = server.run(&NOTE, checkout, &calls)?.pop();
            self.read(reply.unwrap_or(Reply::Other))
        })
    }

    fn write(&self, calls: &mut Packed, claims: &[Claim]) {
        let Self { names, store_id, noted } = self;
        NOTE.call(calls, 2 + claims.len(), 5 + claims.len(), |args| {
            args.text(names.generation()).text(names.marks());
            for claim in claims {
                names.write_claim(args, &claim.id);
            }
            args.text(store_id)
                .int(noted.writer)
                .int(noted.seq.get())
                .text(noted.marks.to_string());
            args.text(noted.decision.map_or_else(String::new, |decision| decision.to_string()));
            for claim in claims {
                args.text(claim.text());
            }
        });
    }

    fn read(&self, reply: Reply) -> Result<NoteOutcome, BoxError> {
        let answer = ScriptAnswer::read(reply)?;
        match answer.word.as_slice() {
            b"taken" => Ok(NoteOutcome::Taken),
            b"known" => Ok(NoteOutcome::Known),
            b"unproven" => Ok(NoteOutcome::Unproven),
            b"other" => Ok(NoteOutcome::Other),
            b"foreign" => Err(found::in_answer(self.names, self.names.home(), &answer, None)),
            _ => Err(Unexpected.into()),
        }
    }
}
