use crate::error::{Error, StoreStep};
use crate::id::CounterId;
use crate::names::Foreign;
use crate::names::Prefix;
use crate::redis::batch::{self, Batch, IfLost};
use crate::redis::connection::{Deadline, Packed};
use crate::redis::server::Server;
use crate::redis::steps;

/// The items are names, and a TYPE takes one.
const BATCH: Batch = Batch {
    step: StoreStep::Look,
    chunk: 1,
    window: 4000,
    if_lost: IfLost::Repeat { until: Deadline::NEVER },
};

/// Returns the values of other types than a string at the names of these counters. A look does not
/// find them, because MGET returns nothing for them.
pub(crate) fn misplaced(server: &Server, ids: &[CounterId]) -> Result<Vec<Foreign>, Error> {
    let names = names_of(server.names().prefix(), ids);
    batch::in_any_order(server, BATCH, &names, |checkout, window, misplaced| {
        let commands = window
            .pack(|commands, chunk| chunk.items.iter().for_each(|name| ask_type(commands, name)));
        for (chunk, reply) in window.with(server.ask_all(checkout, &commands)?) {
            let of_type = reply.into_text()?.unwrap_or_default();
            if !matches!(of_type.as_slice(), b"string" | b"none") {
                let of_type = String::from_utf8_lossy(&of_type);
                let names = chunk.items.iter().cloned();
                misplaced.extend(names.map(|name| steps::not_a_string(name, &of_type)));
            }
        }
        Ok(())
    })
}

/// Returns the names of the pending delta and of the claim of each counter.
fn names_of(prefix: &Prefix, ids: &[CounterId]) -> Vec<String> {
    ids.iter().flat_map(|id| [prefix.pending_name(id), prefix.claim_name(id)]).collect()
}

fn ask_type(commands: &mut Packed, name: &str) {
    commands.command(2, |args| {
        args.text("TYPE").text(name);
    });
}
