use std::sync::LazyLock;

use super::ack::ack;
use super::found;
use crate::error::{BoxError, Error, StoreStep};
use crate::protocol::{Claim, Telling};
use crate::redis::batch::{self, Batch, IfLost};
use crate::redis::connection::{Deadline, Names, Packed, Reply, Script, ScriptAnswer, Unexpected};
use crate::redis::server::Server;
use crate::store::Told;

static TELL: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("tell.lua")));

const BATCH: Batch = Batch {
    step: StoreStep::Ack,
    chunk: 200,
    window: 20,
    if_lost: IfLost::Repeat { until: Deadline::NEVER },
};

/// Tells which marks a row of the record has. If that proves that the claims are in the database
/// that the store is synced into, removes those that are still exactly the given ones.
pub(crate) fn tell(
    server: &Server,
    store_id: &str,
    told: &Told,
    claims: &[Claim],
) -> Result<Telling, Error> {
    let call = TellCall { names: server.names(), store_id, told };
    if claims.is_empty() {
        return call.alone(server);
    }
    if server.names().are_spread() {
        // No script reaches the claims too. An operator's decision may come in between, as it may
        // come after both.
        let telling = call.alone(server)?;
        if telling.is_proven() {
            ack(server, claims)?;
        }
        return Ok(telling);
    }
    let tellings = batch::in_any_order(server, BATCH, claims, |checkout, window, tellings| {
        let calls = window.pack(|calls, chunk| call.write(calls, chunk.items));
        for reply in server.run(&TELL, checkout, &calls)? {
            tellings.push(call.read(reply)?);
        }
        Ok(())
    })?;
    // Another process may have told something between two of the calls.
    let unproven = tellings.iter().find(|telling| !telling.is_proven());
    Ok(unproven.or(tellings.first()).copied().unwrap_or(Telling::Known))
}

struct TellCall<'a> {
    names: &'a Names,
    store_id: &'a str,
    told: &'a Told,
}

impl TellCall<'_> {
    fn alone(&self, server: &Server) -> Result<Telling, Error> {
        let home = self.names.home();
        server.repeatable_step(BATCH.step, home, Deadline::NEVER, |checkout| {
            let mut calls = Packed::default();
            self.write(&mut calls, &[]);
            let reply = server.run(&TELL, checkout, &calls)?.pop();
            self.read(reply.unwrap_or(Reply::Other))
        })
    }

    fn write(&self, calls: &mut Packed, claims: &[Claim]) {
        let Self { names, store_id, told } = self;
        TELL.call(calls, 2 + claims.len(), 5 + claims.len(), |args| {
            args.text(names.generation()).text(names.marks());
            for claim in claims {
                names.write_claim(args, &claim.id);
            }
            args.text(store_id).int(told.writer).int(told.seq.get()).text(told.marks.to_string());
            args.text(told.decision.map_or_else(String::new, |decision| decision.to_string()));
            for claim in claims {
                args.text(claim.text());
            }
        });
    }

    fn read(&self, reply: Reply) -> Result<Telling, BoxError> {
        let answer = ScriptAnswer::read(reply)?;
        match answer.word.as_slice() {
            b"taken" => Ok(Telling::Taken),
            b"known" => Ok(Telling::Known),
            b"unproven" => Ok(Telling::Unproven),
            b"other" => Ok(Telling::Other),
            b"foreign" => Err(found::in_answer(self.names, self.names.home(), &answer, None)),
            _ => Err(Unexpected.into()),
        }
    }
}
