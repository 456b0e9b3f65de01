use std::sync::LazyLock;

use super::found;
use super::raise_for_id::{Known, Raised, raise_for_id};
use super::random::random;
use super::values::{SEQUENCE_CONSTANTS, answered_sequence, parse_generation, parse_high_water};
use crate::error::{BoxError, Error, StoreStep};
use crate::protocol::{ClaimSeq, Generation};
use crate::redis::connection::{
    Checkout, Deadline, Names, Packed, Reply, Script, ScriptAnswer, Unexpected,
};
use crate::redis::last_sighting::{Named, id_above};
use crate::redis::server::Server;

static GENERATION: LazyLock<Script> = LazyLock::new(|| {
    Script::with_constants(
        concat!(
            include_str!("count.lua"),
            include_str!("sequence.lua"),
            include_str!("present_generation.lua"),
            include_str!("generation.lua")
        ),
        SEQUENCE_CONSTANTS,
    )
});

/// Begins a generation, where each slot of a cluster has a high water of its own.
static BEGIN: LazyLock<Script> = LazyLock::new(|| {
    Script::with_constants(
        concat!(
            include_str!("count.lua"),
            include_str!("sequence.lua"),
            include_str!("given_out.lua"),
            include_str!("ask_slot.lua"),
            include_str!("present_generation.lua"),
            include_str!("begin_generation.lua")
        ),
        SEQUENCE_CONSTANTS,
    )
});

/// Returns the present generation. If there is none yet, begins one that names `database` and
/// raises the high water to `above`. Where each slot of a cluster has one, raises all but those of
/// slots that do not remember what is `known` of them.
///
/// # Errors
///
/// [`Error::StoreChanged`] if a generation would have to begin, but may not with these records.
pub(crate) fn generation(
    server: &Server,
    database: &str,
    above: ClaimSeq,
    known: Known<'_>,
) -> Result<Generation, Error> {
    let names = server.names();
    let (mut id, mut raised) = (random_id(), Raised { floor: above, ..Raised::default() });
    if names.are_spread() {
        // Every slot, and before there is an id: a copy that is made before the first claim in a
        // slot then has a high water that is too low, instead of none.
        let is_there = has_generation(server)?;
        raised = if is_there { Raised::default() } else { raise_for_id(server, above, known)? };
        id = id_above(raised.floor, &id);
    }
    let begun = format!("{id}:{database}");
    server.step(StoreStep::Generation, names.home(), |checkout| {
        generation_on(server, checkout, &begun, &raised)
    })
}

fn has_generation(server: &Server) -> Result<bool, Error> {
    let names = server.names();
    server.repeatable_step(StoreStep::Generation, names.home(), Deadline::NEVER, |checkout| {
        let mut command = Packed::default();
        command.command(2, |args| {
            args.text("GET").text(names.generation());
        });
        // The script reports a value that is not text.
        Ok(!matches!(server.ask(checkout, &command)?, Reply::Nil))
    })
}

/// Returns the present generation, if there is one, and the high water at the same instant. Where
/// each slot of a cluster has one, that is the one of the generation's slot.
pub(crate) fn present_generation(server: &Server) -> Result<Option<Generation>, Error> {
    let names = server.names();
    let home = names.home();
    server.repeatable_step(StoreStep::Generation, home, Deadline::NEVER, |checkout| {
        let seen = server.last_sighting().so_far();
        let mut command = Packed::default();
        command.command(3, |args| {
            args.text("MGET").text(names.generation()).text(&*names.high_water(home));
        });
        let mut values = server.ask(checkout, &command)?.into_array()?.into_iter();
        let mut value = || values.next().ok_or(Unexpected);
        let (generation, high_water) = (value()?.into_text()?, value()?);
        let high_water = parse_high_water(names, home, high_water)?;
        let generation = generation.map(|value| parse_generation(value, high_water)).transpose()?;
        Ok(generation.map(|generation| seen.beside(generation, home)))
    })
}

fn generation_on(
    server: &Server,
    checkout: &mut Checkout<'_>,
    begun: &str,
    raised: &Raised,
) -> Result<Generation, BoxError> {
    let (names, last) = (server.names(), server.last_sighting());
    let home = names.home();
    let (seen, (nth, _)) = (last.so_far(), last.get(home));
    let script = if names.are_spread() { &BEGIN } else { &GENERATION };
    let reply = server.run(script, checkout, &generation_call(names, begun, raised))?.pop();
    let mut answer = ScriptAnswer::read(reply.unwrap_or(Reply::Other))?;
    let named = match answer.word.as_slice() {
        b"new" => Named::Now,
        b"old" => Named::Before,
        b"changed" => return Err(Error::StoreChanged.into()),
        _ => return Err(found::in_answer(names, home, &answer, None)),
    };
    let value = answer.rest.next().ok_or(Unexpected)?.into_text()?;
    let generation = parse_generation(value.unwrap_or_default(), answered_sequence(&answer)?)?;
    last.note_store(nth, &generation.store_id, named, (home, generation.high_water));
    Ok(match named {
        // Sequences that were seen before belong to an earlier generation.
        Named::Now => generation,
        Named::Before => seen.beside(generation, home),
    })
}

fn generation_call(names: &Names, begun: &str, raised: &Raised) -> Packed {
    let mut call = Packed::default();
    let home = names.home();
    if names.are_spread() {
        BEGIN.call(&mut call, 4, 3 + raised.given_out.len(), |args| {
            args.text(names.generation()).text(&*names.high_water(home));
            args.text(&*names.given_out(home)).text(names.marks());
            args.text(begun).int(raised.floor.get()).int(raised.beside_id.get());
            raised.given_out.iter().for_each(|seq| {
                args.int(seq.get());
            });
        });
        return call;
    }
    GENERATION.call(&mut call, 4, 2, |args| {
        args.text(names.generation()).text(&*names.high_water(home));
        args.text(&*names.given_out(home)).text(names.marks());
        args.text(begun).int(raised.floor.get());
    });
    call
}

/// Returns 128 bits as hexadecimal digits.
fn random_id() -> String {
    format!("{:016x}{:016x}", random(), random())
}
