use std::time::Duration;

use crate::error::{BoxError, Error, StoreStep};
use crate::id::CounterId;
use crate::names::Slot;
use crate::redis::batch::{self, Batch, IfLost, InSlot};
use crate::redis::connection::{Deadline, Names, Packed, Reply};
use crate::redis::server::Server;

/// A counter takes two commands, each with its own reply.
const BATCH: Batch = Batch {
    step: StoreStep::Look,
    chunk: 1,
    window: 2000,
    if_lost: IfLost::Repeat { until: Deadline::NEVER },
};

/// Returns the counters whose pending delta or claim the server will remove by itself, and when.
pub(crate) fn expiring(
    server: &Server,
    ids: &[CounterId],
) -> Result<Vec<(CounterId, Duration)>, Error> {
    let names = server.names();
    let both = |id| [Asked { id, part: Part::Pending }, Asked { id, part: Part::Claim }];
    let asked: Vec<_> = ids.iter().flat_map(both).collect();
    batch::in_any_order(server, BATCH, &asked, |checkout, window, expiring| {
        let commands = window.pack(|commands, chunk| {
            chunk.items.iter().for_each(|asked| ask_expiry(commands, names, *asked));
        });
        for (chunk, reply) in window.with(server.ask_all(checkout, &commands)?) {
            if let Some(left) = time_left(reply)? {
                expiring.extend(chunk.items.iter().map(|asked| (asked.id.clone(), left)));
            }
        }
        Ok(())
    })
}

/// Which of the two names of a counter.
#[derive(Clone, Copy)]
enum Part {
    Pending,
    Claim,
}

/// A name that the server is asked about.
#[derive(Clone, Copy)]
struct Asked<'a> {
    id: &'a CounterId,
    part: Part,
}

impl InSlot for Asked<'_> {
    fn slot(&self, names: &Names) -> Slot {
        names.slot_of(self.id)
    }
}

fn ask_expiry(commands: &mut Packed, names: &Names, asked: Asked<'_>) {
    commands.command(2, |args| {
        args.text("PTTL");
        match asked.part {
            Part::Pending => names.write_pending(args, asked.id),
            Part::Claim => names.write_claim(args, asked.id),
        }
    });
}

/// Returns the time in milliseconds of the reply to PTTL, which is negative where there is none.
fn time_left(reply: Reply) -> Result<Option<Duration>, BoxError> {
    Ok(u64::try_from(reply.into_number()?).ok().map(Duration::from_millis))
}
