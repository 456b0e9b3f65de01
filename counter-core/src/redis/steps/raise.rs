use std::sync::LazyLock;

use super::found;
use super::values::{SEQUENCE_CONSTANTS, answered_sequence};
use crate::error::{Error, StoreStep};
use crate::protocol::ClaimSeq;
use crate::redis::connection::{Deadline, Packed, Reply, Script, ScriptAnswer};
use crate::redis::server::Server;

static RAISE: LazyLock<Script> = LazyLock::new(|| {
    Script::with_constants(
        concat!(include_str!("count.lua"), include_str!("sequence.lua"), include_str!("raise.lua")),
        SEQUENCE_CONSTANTS,
    )
});

/// Raises the high water to the present time and to `above`, and accepts what was forgotten up to
/// there. Raises it above what this process has seen too, or this process would go on to claim
/// nothing.
pub(crate) fn raise(server: &Server, above: ClaimSeq) -> Result<(), Error> {
    server.repeatable_step(StoreStep::Raise, Deadline::NEVER, |checkout| {
        let (nth, newest) = server.last_sighting().get();
        let mut call = Packed::default();
        RAISE.call(&mut call, 2, 1, |args| {
            args.text(server.names().high_water()).text(server.names().given_out());
            args.int(above.max(newest).get());
        });
        let reply = server.run(&RAISE, checkout, &call)?.pop();
        let answer = ScriptAnswer::read(reply.unwrap_or(Reply::Other))?;
        if answer.word != b"ok" {
            return Err(found::in_answer(server.names(), &answer, None));
        }
        server.last_sighting().note(nth, answered_sequence(&answer)?);
        Ok(())
    })
}
