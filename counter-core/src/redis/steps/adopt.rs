use std::sync::LazyLock;

use super::found;
use super::values::{SEQUENCE_CONSTANTS, noted_text};
use crate::error::{Error, StoreStep};
use crate::redis::connection::{Deadline, Packed, Reply, Script, ScriptAnswer};
use crate::redis::server::Server;
use crate::store::NotedRow;

static ADOPT: LazyLock<Script> = LazyLock::new(|| {
    Script::with_constants(
        concat!(include_str!("count.lua"), include_str!("sequence.lua"), include_str!("adopt.lua")),
        SEQUENCE_CONSTANTS,
    )
});

/// Lets the store note which database it is synced into from now on, and which marks that has.
/// Returns whether the store has this id; if not, nothing is changed.
pub(crate) fn adopt(
    server: &Server,
    store_id: &str,
    database: &str,
    noted: &[NotedRow],
) -> Result<bool, Error> {
    let names = server.names();
    server.repeatable_step(StoreStep::Adopt, names.home(), Deadline::NEVER, |checkout| {
        let mut call = Packed::default();
        ADOPT.call(&mut call, 2, 2 + 2 * noted.len(), |args| {
            args.text(names.generation()).text(names.marks());
            args.text(store_id).text(format!("{store_id}:{database}"));
            for noted in noted {
                args.int(noted.writer).text(noted_text(noted));
            }
        });
        let reply = server.run(&ADOPT, checkout, &call)?.pop();
        let answer = ScriptAnswer::read(reply.unwrap_or(Reply::Other))?;
        match answer.word.as_slice() {
            b"ok" => Ok(true),
            b"changed" => Ok(false),
            _ => Err(found::in_answer(names, names.home(), &answer, None)),
        }
    })
}
