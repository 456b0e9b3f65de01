//! One SCAN: its question and its reply.

use std::num::NonZeroUsize;

use super::found;
use crate::error::BoxError;
use crate::names::{Pattern, Prefix, StoreName};
use crate::redis::connection::{Packed, Reply, Unexpected};
use crate::store::ScanPage;

/// The most names that one SCAN goes through. The server does nothing else meanwhile.
const CHUNK: usize = 250;

pub(super) fn write_scan(commands: &mut Packed, glob: &str, position: u64, count: NonZeroUsize) {
    commands.command(6, |args| {
        args.text("SCAN").text(position.to_string());
        args.text("MATCH").text(glob);
        args.text("COUNT").text(count.get().min(CHUNK).to_string());
    });
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

pub(super) fn sort_into(page: &mut ScanPage, prefix: &Prefix, pattern: &Pattern, name: &[u8]) {
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
