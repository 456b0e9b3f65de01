use std::sync::LazyLock;

use super::found;
use super::random::random;
use super::values::{SEQUENCE_CONSTANTS, answered_sequence, parse_generation, parse_high_water};
use crate::error::{BoxError, Error, StoreStep};
use crate::protocol::{ClaimSeq, Generation};
use crate::redis::connection::{
    Checkout, Deadline, Packed, Reply, Script, ScriptAnswer, Unexpected,
};
use crate::redis::last_sighting::Named;
use crate::redis::server::Server;

static GENERATION: LazyLock<Script> = LazyLock::new(|| {
    Script::with_constants(
        concat!(
            include_str!("count.lua"),
            include_str!("sequence.lua"),
            include_str!("generation.lua")
        ),
        SEQUENCE_CONSTANTS,
    )
});

/// Returns the present generation. If there is none yet, begins one that names `database` and
/// raises the high water to `above`.
pub(crate) fn generation(
    server: &Server,
    database: &str,
    above: ClaimSeq,
) -> Result<Generation, Error> {
    server.step(StoreStep::Generation, |checkout| generation_on(server, checkout, database, above))
}

/// Returns the present generation, if there is one, and the high water at the same instant.
pub(crate) fn present_generation(server: &Server) -> Result<Option<Generation>, Error> {
    server.repeatable_step(StoreStep::Generation, Deadline::NEVER, |checkout| {
        let seen = server.last_sighting().so_far();
        let names = server.names();
        let mut command = Packed::default();
        command.command(3, |args| {
            args.text("MGET").text(names.generation()).text(names.high_water());
        });
        let mut values = server.ask(checkout, &command)?.into_array()?.into_iter();
        let mut value = || values.next().ok_or(Unexpected);
        let (generation, high_water) = (value()?.into_text()?, value()?);
        let high_water = parse_high_water(names, high_water)?;
        let generation = generation.map(|value| parse_generation(value, high_water)).transpose()?;
        Ok(generation.map(|generation| seen.beside(generation)))
    })
}

fn generation_on(
    server: &Server,
    checkout: &mut Checkout<'_>,
    database: &str,
    above: ClaimSeq,
) -> Result<Generation, BoxError> {
    let last = server.last_sighting();
    let (seen, (nth, _)) = (last.so_far(), last.get());
    let reply = server.run(&GENERATION, checkout, &generation_call(server, database, above))?.pop();
    let mut answer = ScriptAnswer::read(reply.unwrap_or(Reply::Other))?;
    let named = match answer.word.as_slice() {
        b"new" => Named::Now,
        b"old" => Named::Before,
        _ => return Err(found::in_answer(server.names(), &answer, None)),
    };
    let value = answer.rest.next().ok_or(Unexpected)?.into_text()?;
    let generation = parse_generation(value.unwrap_or_default(), answered_sequence(&answer)?)?;
    last.note_store(nth, &generation.store_id, named, generation.high_water);
    Ok(match named {
        // What was seen before belongs to an earlier generation.
        Named::Now => generation,
        Named::Before => seen.beside(generation),
    })
}

fn generation_call(server: &Server, database: &str, above: ClaimSeq) -> Packed {
    let mut call = Packed::default();
    GENERATION.call(&mut call, 4, 2, |args| {
        let names = server.names();
        args.text(names.generation()).text(names.high_water());
        args.text(names.given_out()).text(names.marks());
        args.text(format!("{}:{database}", random_id())).int(above.get());
    });
    call
}

/// Returns 128 bits as hexadecimal digits.
fn random_id() -> String {
    format!("{:016x}{:016x}", random(), random())
}
