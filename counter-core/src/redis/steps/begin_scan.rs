use std::sync::LazyLock;
use std::time::Duration;

use crate::error::{Error, StoreStep};
use crate::names::Slot;
use crate::redis::connection::{Deadline, Packed, Reply, Script, is_interrupted};
use crate::redis::server::Server;

static BEGIN_SCAN: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("begin_scan.lua")));

/// Returns whether the caller must scan everything, and notes that it does. If the node of a
/// cluster that has the note does not answer, returns `false`, because a scan would not finish
/// either.
pub(crate) fn begin_scan(server: &Server, every: Duration) -> Result<bool, Error> {
    let millis = i64::try_from(every.as_millis()).unwrap_or(i64::MAX).min(LONGEST);
    if millis == 0 {
        return Ok(true);
    }
    let slot = slot_of_note(server);
    let begun = server.step(StoreStep::Index, slot, |checkout| {
        let mut call = Packed::default();
        BEGIN_SCAN.call(&mut call, 1, 1, |args| {
            args.text(server.names().scanned()).int(millis);
        });
        let reply = server.run(&BEGIN_SCAN, checkout, &call)?.pop();
        match reply.unwrap_or(Reply::Other) {
            // A user that may not ask scans every time.
            Reply::Refused(_) => Ok(true),
            reply => Ok(reply.into_number()? != 0),
        }
    });
    match begun {
        // It may have been noted for this caller. A scan too many costs time only.
        Err(Error::Store { source, .. }) if is_interrupted(&source) => Ok(true),
        Err(Error::Store { .. }) if server.names().are_spread() => Ok(false),
        begun => begun,
    }
}

/// The longest time for which a note is made, which a server can add to the present time.
const LONGEST: i64 = 1000 * 60 * 60 * 24 * 365;

/// Takes the note back.
pub(crate) fn abandon_scan(server: &Server) -> Result<(), Error> {
    server.repeatable_step(StoreStep::Index, slot_of_note(server), Deadline::NEVER, |checkout| {
        let mut call = Packed::default();
        ABANDON.call(&mut call, 1, 0, |args| {
            args.text(server.names().scanned());
        });
        server.run(&ABANDON, checkout, &call)?;
        Ok(())
    })
}

fn slot_of_note(server: &Server) -> Slot {
    server.names().slot_of_name(server.names().scanned())
}

static ABANDON: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("abandon_scan.lua")));
