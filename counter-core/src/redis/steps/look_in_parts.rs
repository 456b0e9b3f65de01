use super::values::{parse_held, parse_high_water};
use crate::error::BoxError;
use crate::id::CounterId;
use crate::names::Slot;
use crate::protocol::ClaimSeq;
use crate::redis::batch::Chunk;
use crate::redis::connection::{Args, Checkout, Deadline, Names, Packed, Reply};
use crate::redis::server::Server;
use crate::store::Snapshot;

/// Looks where names of one slot are on two nodes for a while, so that no command sees all of
/// them: asks for the high water, the claims, what is pending, and the high water again.
///
/// Whatever takes what is pending, or puts a claim in the place of another, raises the high water;
/// and a claim that has gone meanwhile is in its row. So if the high water is the same, each
/// counter is as it was when what is pending was read. If not, the look begins again.
pub(super) fn look_in_parts(
    server: &Server,
    checkout: &mut Checkout<'_>,
    names: &Names,
    chunk: &Chunk<'_, CounterId>,
) -> Result<Snapshot, BoxError> {
    let ids = chunk.items;
    let until = Deadline::after(server.timeouts().read);
    loop {
        let before = high_water(server, checkout, names, chunk.slot)?;
        let claims = each(server, checkout, chunk, |args, id| names.write_claim(args, id))?;
        let pending = each(server, checkout, chunk, |args, id| names.write_pending(args, id))?;
        if high_water(server, checkout, names, chunk.slot)? == before {
            let values = ids.iter().zip(pending).zip(claims);
            let held = values.map(|((id, pending), claim)| parse_held(names, id, pending, claim));
            return Ok(Snapshot::new(before, held.collect()));
        }
        until.left_or_err()?;
    }
}

fn high_water(
    server: &Server,
    checkout: &mut Checkout<'_>,
    names: &Names,
    slot: Slot,
) -> Result<ClaimSeq, BoxError> {
    let mut command = Packed::default();
    command.at(slot).command(2, |args| {
        args.text("GET").text(&*names.high_water(slot));
    });
    parse_high_water(names, slot, server.ask(checkout, &command)?)
}

/// Returns one value of each counter. As to an MGET, a value of another type is none.
fn each(
    server: &Server,
    checkout: &mut Checkout<'_>,
    chunk: &Chunk<'_, CounterId>,
    write_name: impl Fn(&mut Args<'_>, &CounterId),
) -> Result<Vec<Option<Vec<u8>>>, BoxError> {
    let mut commands = Packed::default();
    for id in chunk.items {
        commands.at(chunk.slot).command(2, |args| {
            args.text("GET");
            write_name(args, id);
        });
    }
    let values = server.ask_all(checkout, &commands)?.into_iter();
    values
        .map(|value| if value.is_wrong_type() { Ok(None) } else { Reply::into_text(value) })
        .collect()
}
