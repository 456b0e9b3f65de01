use std::num::NonZeroUsize;

use super::found;
use crate::error::{BoxError, Error, StoreStep};
use crate::names::{Pattern, Prefix, StoreName};
use crate::redis::connection::{Checkout, Deadline, Packed, Reply, Unexpected};
use crate::redis::server::Server;
use crate::store::{Cursor, ScanPage};

/// The most names that one SCAN goes through. The server does nothing else meanwhile.
const CHUNK: usize = 250;

/// Returns the counters that one SCAN finds. `from` has the number of the glob whose turn it is,
/// and the server's cursor.
pub(crate) fn scan(
    server: &Server,
    pattern: &Pattern,
    from: Cursor,
    count: NonZeroUsize,
) -> Result<ScanPage, Error> {
    scan_under(server, server.names().prefix(), pattern, from, count)
}

/// Does the same behind a prefix, which may be another one than the server's.
pub(super) fn scan_under(
    server: &Server,
    prefix: &Prefix,
    pattern: &Pattern,
    from: Cursor,
    count: NonZeroUsize,
) -> Result<ScanPage, Error> {
    let globs = prefix.globs(pattern);
    let era = server.era();
    let from = if era_of(from) == era { from } else { beginning(era) };
    let Some(glob) = globs.get(glob_of(from)) else {
        return Ok(ScanPage::default());
    };
    let scan = |checkout: &mut Checkout<'_>| {
        let commands = scan_commands(server, glob, from.position, count);
        let mut replies = server.ask_all(checkout, &commands)?.into_iter();
        let page = parse_scan(replies.next().ok_or(Unexpected)?)?;
        if let Some(Reply::Refused(refused)) = replies.next() {
            return Err(refused.into());
        }
        // Another node has the slot now, or names are on two.
        if checkout.is_rerouted() && server.era() == era {
            return Err(OnItsWay.into());
        }
        Ok(page)
    };
    let (position, names) = match from.position {
        0 => server.repeatable_step(StoreStep::Scan, Deadline::NEVER, scan),
        // A server that was started again would take this for a place in another order.
        _ => server.step_on_one_server(StoreStep::Scan, scan),
    }?;
    let mut page = ScanPage::default();
    for name in names {
        sort_into(&mut page, prefix, pattern, &name);
    }
    page.next = match position {
        _ if server.era() != era => Some(beginning(server.era())),
        0 if glob_of(from) + 1 < globs.len() => Some(Cursor { round: from.round + 1, position: 0 }),
        0 => None,
        position => Some(Cursor { round: from.round, position }),
    };
    Ok(page)
}

/// The most globs that a scan has.
const GLOBS: u32 = 2;

/// A scan begins anew on each node that has the slot of a cluster meanwhile: the rounds of each era
/// have numbers of their own.
fn beginning(era: u32) -> Cursor {
    Cursor { round: era.wrapping_mul(GLOBS), position: 0 }
}

fn era_of(cursor: Cursor) -> u32 {
    cursor.round / GLOBS
}

fn glob_of(cursor: Cursor) -> usize {
    usize::try_from(cursor.round % GLOBS).unwrap_or(usize::MAX)
}

fn sort_into(page: &mut ScanPage, prefix: &Prefix, pattern: &Pattern, name: &[u8]) {
    let parsed = str::from_utf8(name).ok().and_then(|name| prefix.parse_name(name));
    match parsed {
        // A glob for names may match the prefix's second appearance in a claim's.
        Some(StoreName::Pending(id) | StoreName::Claim(id)) if pattern.matches_counter(&id) => {
            page.ids.push(id);
        }
        Some(_) => {}
        None => page.foreign.push(found::not_a_name(name)),
    }
}

/// A scan would miss the names that have moved already, or those that have not.
#[derive(Debug, thiserror::Error)]
#[error("the slot of the prefix is on its way to another node: a later scan finds all of it")]
struct OnItsWay;

/// Returns the SCAN, and in a cluster a GET after it: every node scans what it has, and only a
/// command with a name shows that the slot is there. One that does not exist shows, too, whether
/// the slot is on its way.
fn scan_commands(server: &Server, glob: &str, position: u64, count: NonZeroUsize) -> Packed {
    let mut commands = Packed::default();
    commands.command(6, |args| {
        args.text("SCAN").text(position.to_string());
        args.text("MATCH").text(glob);
        args.text("COUNT").text(count.get().min(CHUNK).to_string());
    });
    if server.cluster().is_some() {
        commands.command(2, |args| {
            args.text("GET").text(server.names().nothing());
        });
    }
    commands
}

/// Returns the cursor at which the scan goes on, and what it found.
pub(super) fn parse_scan(reply: Reply) -> Result<(u64, Vec<Vec<u8>>), BoxError> {
    let mut items = reply.into_array()?.into_iter();
    let (Some(Reply::Text(position)), Some(Reply::Array(found))) = (items.next(), items.next())
    else {
        return Err(Unexpected.into());
    };
    let position = str::from_utf8(&position)?.parse()?;
    let name = |reply: Reply| reply.into_text()?.ok_or_else(|| Unexpected.into());
    let names = found.into_iter().map(name).collect::<Result<_, BoxError>>()?;
    Ok((position, names))
}
