use std::sync::LazyLock;

use super::values::COUNT_CONSTANTS;
use crate::error::{Error, StoreStep};
use crate::id::CounterId;
use crate::redis::batch::{self, Batch, IfLost};
use crate::redis::connection::{Names, Packed, Script};
use crate::redis::server::Server;

static DISCARD: LazyLock<Script> = LazyLock::new(|| {
    let text = concat!(include_str!("count.lua"), include_str!("discard.lua"));
    Script::with_constants(text, COUNT_CONSTANTS)
});

const BATCH: Batch =
    Batch { step: StoreStep::Discard, chunk: 100, window: 40, if_lost: IfLost::Fail };

/// Drops what is pending and claimed of each counter. Returns how many counters held anything.
pub(crate) fn discard(server: &Server, ids: &[CounterId]) -> Result<u64, Error> {
    let dropped = batch::in_any_order(server, BATCH, ids, |checkout, window, dropped| {
        let calls =
            window.pack(|calls, chunk| write_discard_call(calls, server.names(), chunk.items));
        for reply in server.run(&DISCARD, checkout, &calls)? {
            dropped.push(u64::try_from(reply.into_number()?)?);
        }
        Ok(())
    })?;
    Ok(dropped.iter().sum())
}

fn write_discard_call(calls: &mut Packed, names: &Names, ids: &[CounterId]) {
    DISCARD.call(calls, 2 * ids.len(), 0, |args| {
        for id in ids {
            names.write_pending(args, id);
            names.write_claim(args, id);
        }
    });
}
