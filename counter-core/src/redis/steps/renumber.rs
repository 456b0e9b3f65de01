use std::sync::LazyLock;

use super::confirm::confirm;
use super::found;
use super::values::{SEQUENCE_CONSTANTS, parse_claim};
use crate::error::{BoxError, Error, StoreStep};
use crate::protocol::{Claim, ClaimSeq};
use crate::redis::confirmation_rule::ConfirmationRule;
use crate::redis::connection::{Packed, Reply, Script, ScriptAnswer, Unexpected};
use crate::redis::server::Server;

static RENUMBER: LazyLock<Script> = LazyLock::new(|| {
    Script::with_constants(
        concat!(
            include_str!("count.lua"),
            include_str!("sequence.lua"),
            include_str!("renumber.lua")
        ),
        SEQUENCE_CONSTANTS,
    )
});

/// Gives a claim a new sequence above `above`, if it is still exactly the one that its counter has.
pub(crate) fn renumber(
    server: &Server,
    claim: &Claim,
    above: ClaimSeq,
    confirmation: ConfirmationRule,
) -> Result<Option<Claim>, Error> {
    let slot = server.names().slot_of(&claim.id);
    server.step(StoreStep::Renumber, slot, |checkout| {
        let (nth, _) = server.last_sighting().get(slot);
        let reply = server.run(&RENUMBER, checkout, &renumber_call(server, claim, above))?.pop();
        let answer = ScriptAnswer::read(reply.unwrap_or(Reply::Other))?;
        let renumbered = match answer.word.as_slice() {
            b"gone" => return Ok(None),
            b"ok" => read_claim(claim, answer)?,
            _ => return Err(found::in_answer(server.names(), slot, &answer, Some(&claim.id))),
        };
        confirm(server, checkout, confirmation, &[slot], 1)?;
        server.last_sighting().note_claim(nth, slot, renumbered.seq);
        Ok(Some(renumbered))
    })
}

fn renumber_call(server: &Server, claim: &Claim, above: ClaimSeq) -> Packed {
    let mut call = Packed::default();
    RENUMBER.call(&mut call, 3, 2, |args| {
        let slot = server.names().slot_of(&claim.id);
        args.text(&*server.names().high_water(slot)).text(&*server.names().given_out(slot));
        server.names().write_claim(args, &claim.id);
        args.text(claim.text()).int(above.get());
    });
    call
}

fn read_claim(claim: &Claim, mut answer: ScriptAnswer) -> Result<Claim, BoxError> {
    let text = answer.rest.next().ok_or(Unexpected)?.into_text()?.ok_or(Unexpected)?;
    parse_claim(&claim.id, &text).ok_or_else(|| Unexpected.into())
}
