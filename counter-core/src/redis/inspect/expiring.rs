use std::time::Duration;

use crate::error::{BoxError, Error, StoreStep};
use crate::id::CounterId;
use crate::redis::batch::{self, Batch, IfLost};
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
    let asked: Vec<_> =
        ids.iter().flat_map(|id| [(id, Part::Pending), (id, Part::Claim)]).collect();
    batch::in_chunks(server, BATCH, &asked, |checkout, window, expiring| {
        let commands = window.pack(|commands, asked| {
            asked.iter().for_each(|(id, part)| ask_expiry(commands, names, id, *part));
        });
        for (asked, reply) in window.with(server.ask_all(checkout, &commands)?) {
            if let Some(left) = time_left(reply)? {
                expiring.extend(asked.iter().map(|(id, _)| ((*id).clone(), left)));
            }
        }
        Ok(())
    })
}

/// What the store holds of a counter.
#[derive(Clone, Copy)]
enum Part {
    Pending,
    Claim,
}

fn ask_expiry(commands: &mut Packed, names: &Names, id: &CounterId, part: Part) {
    commands.command(2, |args| {
        args.text("PTTL");
        match part {
            Part::Pending => names.write_pending(args, id),
            Part::Claim => names.write_claim(args, id),
        }
    });
}

/// Returns the time in milliseconds of the reply to PTTL, which is negative where there is none.
fn time_left(reply: Reply) -> Result<Option<Duration>, BoxError> {
    Ok(u64::try_from(reply.into_number()?).ok().map(Duration::from_millis))
}
