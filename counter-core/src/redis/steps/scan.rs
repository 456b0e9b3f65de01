use std::num::NonZeroUsize;

use super::scan_nodes::scan_nodes;
use super::scan_page::{parse_scan, sort_into, write_scan};
use crate::error::{Error, StoreStep};
use crate::names::{Pattern, Prefix};
use crate::redis::connection::{Checkout, Deadline, Packed, Reply, Unexpected};
use crate::redis::server::Server;
use crate::store::{Cursor, ScanPage};

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

/// Scans behind a prefix, which may differ from the server's.
pub(super) fn scan_under(
    server: &Server,
    prefix: &Prefix,
    pattern: &Pattern,
    from: Cursor,
    count: NonZeroUsize,
) -> Result<ScanPage, Error> {
    if server.names().are_spread() {
        return scan_nodes(server, prefix, pattern, from, count);
    }
    let globs = prefix.globs(pattern);
    let era = server.era();
    let from = if era_of(from) == era { from } else { beginning(era) };
    let Some(glob) = globs.get(glob_of(from)) else {
        return Ok(ScanPage::default());
    };
    let home = server.names().home();
    let scan = |checkout: &mut Checkout<'_>| {
        let mut commands = Packed::default();
        write_scan(&mut commands, glob, from.position, count);
        write_where(server, &mut commands);
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
        0 => server.repeatable_step(StoreStep::Scan, home, Deadline::NEVER, scan),
        // A server that was started again would take this for a place in another order.
        _ => server.step_on_one_server(StoreStep::Scan, home, scan),
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

/// A scan would miss the names that have moved already, or those that have not.
#[derive(Debug, thiserror::Error)]
#[error("the slot of the prefix is on its way to another node: a later scan finds all of it")]
struct OnItsWay;

/// Adds in a cluster a GET after a SCAN: every node scans what it has, and only a command with a
/// name shows that the slot is there. One that does not exist shows, too, whether the slot is on
/// its way.
fn write_where(server: &Server, commands: &mut Packed) {
    if server.cluster().is_some() {
        commands.command(2, |args| {
            args.text("GET").text(server.names().nothing());
        });
    }
}
