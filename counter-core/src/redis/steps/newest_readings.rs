use super::values::parse_count;
use crate::error::{Error, StoreStep};
use crate::id::CounterId;
use crate::redis::batch::{self, Batch, IfLost};
use crate::redis::connection::{Deadline, Unexpected};
use crate::redis::server::Server;

/// One name a command, so that no command has names of several slots.
const BATCH: Batch = Batch {
    step: StoreStep::Look,
    chunk: 1,
    window: 1000,
    if_lost: IfLost::Repeat { until: Deadline::NEVER },
};

/// Returns the instant of the newest reading of each of these gauges, `None` where none is known.
pub(crate) fn newest_readings(
    server: &Server,
    totals: &[CounterId],
) -> Result<Vec<Option<i64>>, Error> {
    let names = server.names();
    batch::in_chunks(server, BATCH, totals, |checkout, window, newest| {
        let commands = window.pack(|commands, chunk| {
            for total in chunk.items {
                commands.command(2, |args| {
                    args.text("GET");
                    names.write_newest(args, total);
                });
            }
        });
        for reply in server.ask_all(checkout, &commands)? {
            let text = reply.into_text()?;
            newest.push(text.map(|text| parse_count(&text).ok_or(Unexpected)).transpose()?);
        }
        Ok(())
    })
}
