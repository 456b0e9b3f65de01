use std::time::Duration;

use crate::confirmation::Confirmation;
use crate::error::{BoxError, Error, StoreStep};
use crate::redis::connection::{Checkout, Deadline, Packed, Reply};
use crate::redis::server::Server;

/// Waits until the last write on this connection is confirmed. The server counts what the
/// connection itself has written, so it must be the connection of the claims.
pub(crate) fn confirm(
    server: &Server,
    checkout: &mut Checkout<'_>,
    confirmation: Option<Confirmation>,
) -> Result<(), BoxError> {
    let Some(confirmation) = confirmation else {
        return Ok(());
    };
    let confirmed = wait_for(server, checkout, confirmation);
    confirmed.map_err(|source| Error::Store { step: StoreStep::Confirm, source }.into())
}

fn wait_for(
    server: &Server,
    checkout: &mut Checkout<'_>,
    confirmation: Confirmation,
) -> Result<(), BoxError> {
    let Confirmation { replicas, on_disk, within } = confirmation;
    let deadline = Deadline::after(within.saturating_add(server.timeouts().read));
    let reply = checkout.ask(&command(confirmation), deadline)?;
    let check = |found: i64, wanted: u32, who: &'static str| {
        let is_enough = found >= wanted.into();
        is_enough.then_some(()).ok_or(NotConfirmed { within, found, wanted, who })
    };
    if !on_disk {
        return Ok(check(reply.into_number()?, replicas, "replicas")?);
    }
    let mut counts = reply.into_array()?.into_iter();
    let mut count = || counts.next().map_or(Ok(0), Reply::into_number);
    check(count()?, 1, "the server's own disk")?;
    Ok(check(count()?, replicas, "replicas' disks")?)
}

fn command(confirmation: Confirmation) -> Packed {
    let name = confirmation.command_name();
    let replicas = confirmation.replicas.into();
    let within = i64::try_from(confirmation.within.as_millis()).unwrap_or(i64::MAX);
    let mut command = Packed::default();
    if confirmation.on_disk {
        command.command(4, |args| {
            args.text(name).int(1).int(replicas).int(within);
        });
    } else {
        command.command(3, |args| {
            args.text(name).int(replicas).int(within);
        });
    }
    command
}

/// Too few replicas or disks have the claims.
#[derive(Debug, thiserror::Error)]
#[error(
    "after {within:?} only {found} of {wanted} have confirmed them: {who}; \
     they were not applied, and a later sync tries again"
)]
struct NotConfirmed {
    within: Duration,
    found: i64,
    wanted: u32,
    who: &'static str,
}
