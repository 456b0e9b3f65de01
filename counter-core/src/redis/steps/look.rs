use std::num::NonZeroUsize;

use super::look_in_parts::look_in_parts;
use super::scan::scan_under;
use super::values::{parse_held, parse_high_water};
use crate::error::{BoxError, Error, StoreStep};
use crate::id::CounterId;
use crate::names::{Foreign, Pattern, Prefix, SLOTS};
use crate::protocol::{ClaimSeq, Holding};
use crate::redis::batch::{self, Batch, Chunk, IfLost, Window};
use crate::redis::connection::{Checkout, ClusterAccess, Deadline, Names, Packed, Unexpected};
use crate::redis::server::Server;
use crate::store::{Cursor, ScanPage, Snapshot};

const BATCH: Batch = Batch {
    step: StoreStep::Look,
    // While the client reads one reply, the server works on the next one.
    chunk: 60,
    window: 66,
    if_lost: IfLost::Repeat { until: Deadline::NEVER },
};

/// Returns what is pending and claimed of each counter, and the high water.
pub(crate) fn look(server: &Server, ids: &[CounterId]) -> Result<Snapshot, Error> {
    if ids.is_empty() {
        return Ok(Snapshot::new(high_water(server)?, Vec::new()));
    }
    look_at(server, server.names(), ids)
}

/// Returns a page of the counters that hold anything behind another prefix.
pub(crate) fn held_under(
    server: &Server,
    prefix: &Prefix,
    from: Cursor,
    count: NonZeroUsize,
) -> Result<ScanPage, Error> {
    let only = server.cluster().and_then(ClusterAccess::only_slot);
    if let Some(slot) = only.filter(|slot| prefix.slot() != Some(*slot)) {
        let source = format!("{prefix} is not in slot {slot}, which this store follows");
        return Err(Error::Store { step: StoreStep::Scan, source: source.into() });
    }
    let names = server.names().behind(prefix);
    let mut page = scan_under(server, prefix, &Pattern::all(), from, count)?;
    page.foreign.clear();
    if !page.ids.is_empty() {
        let look = look_at(server, &names, &page.ids)?;
        let mut held = look.held.into_iter();
        let is_held = |held: Holding| held != Holding::default();
        page.ids.retain(|_| held.next().is_some_and(|held| held.is_ok_and(is_held)));
    }
    Ok(page)
}

/// Returns the high water of the slot with the generation's id. It rises whenever a generation
/// begins.
pub(crate) fn newest_beside_id(server: &Server) -> Result<ClaimSeq, Error> {
    let names = server.names();
    let home = names.home();
    server.repeatable_step(StoreStep::Generation, home, Deadline::NEVER, |checkout| {
        let mut command = Packed::default();
        command.command(2, |args| {
            args.text("GET").text(&*names.high_water(home));
        });
        parse_high_water(names, home, server.ask(checkout, &command)?)
    })
}

/// Returns the newest sequence that the store has given out, of all slots.
pub(super) fn high_water(server: &Server) -> Result<ClaimSeq, Error> {
    let names = server.names();
    let slots = if names.are_spread() { (0..SLOTS).collect() } else { vec![names.home()] };
    let newest = batch::in_chunks(server, HIGH_WATERS, &slots, |checkout, window, newest| {
        let last = server.last_sighting();
        let seen = window.chunks.iter().map(|chunk| last.get(chunk.slot).0).collect::<Vec<_>>();
        let commands = window.pack(|commands, chunk| {
            commands.command(2, |args| {
                args.text("GET").text(&*names.high_water(chunk.slot));
            });
        });
        for ((chunk, reply), nth) in window.with(server.ask_all(checkout, &commands)?).zip(seen) {
            let high_water = parse_high_water(names, chunk.slot, reply)?;
            last.note(nth, chunk.slot, high_water);
            newest.push(high_water);
        }
        Ok(())
    })?;
    Ok(newest.into_iter().max().unwrap_or_default())
}

/// The items are slots, each of which has a high water.
const HIGH_WATERS: Batch = Batch { chunk: 1, window: 4000, ..BATCH };

/// The holding of a counter, and the high water at that instant or before.
type Held = (ClaimSeq, Result<Holding, Foreign>);

fn look_at(server: &Server, names: &Names, ids: &[CounterId]) -> Result<Snapshot, Error> {
    let look =
        |checkout: &mut Checkout<'_>, window: &Window<'_, CounterId>, held: &mut Vec<Held>| {
            look_at_window(server, names, checkout, window, held)
        };
    let held = batch::in_chunks_or(server, names, BATCH, ids, look, |error, _| Err(error))?;
    if names.are_spread() {
        let (high_waters, held) = held.into_iter().unzip();
        return Ok(Snapshot::of_each(high_waters, held));
    }
    let high_water = held.first().map_or(ClaimSeq::ZERO, |(high_water, _)| *high_water);
    Ok(Snapshot::new(high_water, held.into_iter().map(|(_, held)| held).collect()))
}

fn look_at_window(
    server: &Server,
    names: &Names,
    checkout: &mut Checkout<'_>,
    window: &Window<'_, CounterId>,
    held: &mut Vec<Held>,
) -> Result<(), BoxError> {
    // Where there is one high water, it must not be newer than anything that the look returns.
    let mut first = held.first().map(|(high_water, _)| *high_water);
    let is_first = names.are_spread() || first.is_none();
    let mut begin = if is_first { Begin::HighWater } else { Begin::Counters };
    let seen = window.chunks.iter().map(|chunk| server.last_sighting().get(chunk.slot).0);
    let seen = seen.collect::<Vec<_>>();
    let commands = window.pack(|commands, chunk| {
        write_look(commands, names, begin, chunk);
        begin = if names.are_spread() { Begin::HighWater } else { Begin::Counters };
    });
    let replies = server.ask_all_at_once(checkout, &commands)?;
    held.reserve(window.chunks.iter().map(|chunk| chunk.items.len()).sum());
    for ((chunk, reply), nth) in window.with(replies).zip(seen) {
        let known = first.filter(|_| !names.are_spread());
        let high_water = if reply.is_split() {
            let parts = look_in_parts(server, checkout, names, chunk)?;
            let high_water = known.unwrap_or(parts.high_water);
            held.extend(parts.held.into_iter().map(|one| (high_water, one)));
            high_water
        } else {
            let mut values = reply.into_array()?.into_iter();
            let high_water = match known {
                Some(known) => known,
                None => parse_high_water(names, chunk.slot, values.next().ok_or(Unexpected)?)?,
            };
            for id in chunk.items {
                let mut value = || values.next().ok_or(Unexpected)?.into_text();
                held.push((high_water, parse_held(names, id, value()?, value()?)));
            }
            high_water
        };
        first = first.or(Some(high_water));
        if names.prefix() == server.names().prefix() {
            server.last_sighting().note(nth, chunk.slot, high_water);
        }
    }
    Ok(())
}

/// The first names of an MGET. Where all names are together, only the first one of a look begins
/// with the high water.
#[derive(Debug, Clone, Copy)]
enum Begin {
    HighWater,
    Counters,
}

fn write_look(commands: &mut Packed, names: &Names, begin: Begin, chunk: &Chunk<'_, CounterId>) {
    let high_water = match begin {
        Begin::HighWater => Some(names.high_water(chunk.slot)),
        Begin::Counters => None,
    };
    commands.command(1 + high_water.iter().len() + 2 * chunk.items.len(), |args| {
        args.text("MGET");
        if let Some(high_water) = &high_water {
            args.text(&**high_water);
        }
        for id in chunk.items {
            names.write_pending(args, id);
            names.write_claim(args, id);
        }
    });
}
