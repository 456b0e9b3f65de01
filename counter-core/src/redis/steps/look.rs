use std::mem;
use std::num::NonZeroUsize;

use super::look_in_parts::look_in_parts;
use super::scan::scan_under;
use super::values::{parse_held, parse_high_water};
use crate::error::{Error, StoreStep};
use crate::id::CounterId;
use crate::names::{Pattern, Prefix};
use crate::protocol::{ClaimSeq, Holding};
use crate::redis::batch::{self, Batch, IfLost};
use crate::redis::connection::{Deadline, Names, Packed, Unexpected};
use crate::redis::server::Server;
use crate::store::{Cursor, ScanPage, Snapshot};

const BATCH: Batch = Batch {
    step: StoreStep::Look,
    chunk: 250,
    window: 16,
    if_lost: IfLost::Repeat { until: Deadline::NEVER },
};

/// Returns what is pending and claimed of each counter, and the high water.
pub(crate) fn look(server: &Server, ids: &[CounterId]) -> Result<Snapshot, Error> {
    let (nth, _) = server.last_sighting().get();
    let look = if ids.is_empty() {
        Snapshot { high_water: high_water(server)?, held: Vec::new() }
    } else {
        look_at(server, server.names(), ids)?
    };
    server.last_sighting().note(nth, look.high_water);
    Ok(look)
}

/// Returns a page of the counters that hold anything behind another prefix.
pub(crate) fn held_under(
    server: &Server,
    prefix: &Prefix,
    from: Cursor,
    count: NonZeroUsize,
) -> Result<ScanPage, Error> {
    let mut page = scan_under(server, prefix, &Pattern::all(), from, count)?;
    page.foreign.clear();
    if !page.ids.is_empty() {
        let look = look_at(server, &Names::new(prefix.clone()), &page.ids)?;
        let mut held = look.held.into_iter();
        let is_held = |held: Holding| held != Holding::default();
        page.ids.retain(|_| held.next().is_some_and(|held| held.is_ok_and(is_held)));
    }
    Ok(page)
}

fn high_water(server: &Server) -> Result<ClaimSeq, Error> {
    server.repeatable_step(StoreStep::Look, Deadline::NEVER, |checkout| {
        let mut command = Packed::default();
        command.command(2, |args| {
            args.text("GET").text(server.names().high_water());
        });
        parse_high_water(server.names(), server.ask(checkout, &command)?)
    })
}

fn look_at(server: &Server, names: &Names, ids: &[CounterId]) -> Result<Snapshot, Error> {
    let mut high_water = ClaimSeq::ZERO;
    let held = batch::in_chunks(server, BATCH, ids, |checkout, window, held| {
        let mut begin = if held.is_empty() { Begin::HighWater } else { Begin::Counters };
        let commands = window.pack(|commands, ids| {
            write_look(commands, names, mem::replace(&mut begin, Begin::Counters), ids);
        });
        for (ids, reply) in window.with(server.ask_all_at_once(checkout, &commands)?) {
            if reply.is_split() {
                let parts = look_in_parts(server, checkout, names, ids)?;
                if held.is_empty() {
                    high_water = parts.high_water;
                }
                held.extend(parts.held);
                continue;
            }
            let mut values = reply.into_array()?.into_iter();
            if held.is_empty() {
                high_water = parse_high_water(names, values.next().ok_or(Unexpected)?)?;
            }
            for id in ids {
                let mut value = || values.next().ok_or(Unexpected)?.into_text();
                held.push(parse_held(names, id, value()?, value()?));
            }
        }
        Ok(())
    })?;
    Ok(Snapshot { high_water, held })
}

/// What an MGET begins with. The first one of a look begins with the high water, because that must
/// not be newer than anything that the look returns.
#[derive(Debug, Clone, Copy)]
enum Begin {
    HighWater,
    Counters,
}

fn write_look(commands: &mut Packed, names: &Names, begin: Begin, ids: &[CounterId]) {
    let high_water = match begin {
        Begin::HighWater => Some(names.high_water()),
        Begin::Counters => None,
    };
    commands.command(1 + high_water.iter().len() + 2 * ids.len(), |args| {
        args.text("MGET");
        if let Some(high_water) = high_water {
            args.text(high_water);
        }
        for id in ids {
            names.write_pending(args, id);
            names.write_claim(args, id);
        }
    });
}
