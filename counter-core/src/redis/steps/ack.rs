use std::sync::LazyLock;

use crate::error::{Error, StoreStep};
use crate::protocol::Claim;
use crate::redis::batch::{self, Batch, IfLost, Window};
use crate::redis::connection::{Checkout, Deadline, Names, Packed, Script};
use crate::redis::server::Server;

static ACK: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("ack.lua")));

const BATCH: Batch = Batch {
    step: StoreStep::Ack,
    chunk: 200,
    window: 20,
    if_lost: IfLost::Repeat { until: Deadline::NEVER },
};

/// Removes each claim that is still exactly the one that its counter has. If one node of a cluster
/// fails, the others still remove theirs.
pub(crate) fn ack(server: &Server, claims: &[Claim]) -> Result<(), Error> {
    // Where slots move one by one, no command must wait for several names of one.
    let (chunk, window) =
        if server.names().are_spread() { (1, 1000) } else { (BATCH.chunk, BATCH.window) };
    let batch = Batch { chunk, window, ..BATCH };
    let ack = |checkout: &mut Checkout<'_>, window: &Window<'_, Claim>, _: &mut Vec<()>| {
        let calls = window.pack(|calls, chunk| write_ack_call(calls, server.names(), chunk.items));
        for reply in server.run(&ACK, checkout, &calls)? {
            reply.into_number()?;
        }
        Ok(())
    };
    let mut failed = None;
    batch::in_any_order_or(server, batch, claims, ack, |error, _| {
        failed.get_or_insert(error);
        Ok(Vec::new())
    })?;
    failed.map_or(Ok(()), Err)
}

fn write_ack_call(calls: &mut Packed, names: &Names, claims: &[Claim]) {
    ACK.call(calls, claims.len(), claims.len(), |args| {
        for claim in claims {
            names.write_claim(args, &claim.id);
        }
        for claim in claims {
            args.text(claim.text());
        }
    });
}
