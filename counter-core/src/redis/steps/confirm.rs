use std::time::Duration;

use crate::confirmation::Confirmation;
use crate::error::{BoxError, Error, StoreStep};
use crate::names::Slot;
use crate::redis::confirmation_rule::ConfirmationRule;
use crate::redis::connection::{Checkout, Deadline, Packed, Reply, Role};
use crate::redis::server::Server;

/// How the last write on a connection was confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Confirmed {
    /// As the store's rule says, which may be not at all.
    ByRule,
    /// Not at all, because the server has no replica.
    ByNoReplica,
}

/// Waits until the last write on this connection is confirmed. The server counts what the
/// connection itself has written, so it must be the connection of the claims, which are in these
/// slots. Where names are spread over a cluster, those that others have made are not among them.
///
/// Notes the claims, of which there are `claims`, if no replica was there to confirm them.
///
/// In a failover the old master answers for a while, and has no replica any more, or one that does
/// not take over. So where a master is followed, the sentinels have the last word. In a cluster, a
/// replica may take over by itself, so a master without one is asked about at the other nodes.
pub(crate) fn confirm(
    server: &Server,
    checkout: &mut Checkout<'_>,
    rule: ConfirmationRule,
    slots: &[Slot],
    claims: usize,
) -> Result<(), BoxError> {
    // Of many claims in many slots, the caller has left out those that another node has made.
    let is_elsewhere = checkout.is_rerouted() && (!server.names().are_spread() || claims == 1);
    let confirmed = match rule {
        ConfirmationRule::Never => Ok(Confirmed::ByRule),
        ConfirmationRule::Always(confirmation) => wait_for(server, checkout, confirmation),
        ConfirmationRule::WhileReplicated(confirmation) => {
            wait_while_replicated(server, checkout, confirmation, slots)
        }
    };
    let confirmed = confirmed.and_then(|confirmed| {
        let is_awaited = rule != ConfirmationRule::Never;
        if is_awaited && (is_elsewhere || !checkout.is_home_of(slots)) {
            return Err(Elsewhere.into());
        }
        if let Some(follower) = server.follower() {
            follower.check_undisputed(checkout.era())?;
        }
        if confirmed == Confirmed::ByNoReplica {
            server.note_unconfirmed(claims);
        }
        Ok(())
    });
    confirmed.map_err(|source| Error::Store { step: StoreStep::Confirm, source }.into())
}

fn wait_while_replicated(
    server: &Server,
    checkout: &mut Checkout<'_>,
    confirmation: Confirmation,
    slots: &[Slot],
) -> Result<Confirmed, BoxError> {
    match Role::read(server.ask(checkout, &Role::question())?)? {
        Role::Master { replicas: 0 } => {
            checkout.check_undisputed(slots)?;
            Ok(Confirmed::ByNoReplica)
        }
        Role::Master { .. } => wait_for(server, checkout, confirmation),
        Role::Other(no_master) => Err(no_master.into()),
    }
}

fn wait_for(
    server: &Server,
    checkout: &mut Checkout<'_>,
    confirmation: Confirmation,
) -> Result<Confirmed, BoxError> {
    let Confirmation { replicas, on_disk, within } = confirmation;
    let deadline = Deadline::after(within.saturating_add(server.timeouts().read));
    let reply = checkout.ask(&command(confirmation), deadline)?;
    let check = |found: i64, wanted: u32, who: &'static str| {
        let is_enough = found >= wanted.into();
        is_enough.then_some(()).ok_or(NotConfirmed { within, found, wanted, who })
    };
    if !on_disk {
        check(reply.into_number()?, replicas, "replicas")?;
        return Ok(Confirmed::ByRule);
    }
    let mut counts = reply.into_array()?.into_iter();
    let mut count = || counts.next().map_or(Ok(0), Reply::into_number);
    check(count()?, 1, "the server's own disk")?;
    check(count()?, replicas, "replicas' disks")?;
    Ok(Confirmed::ByRule)
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

/// Claims were made by another node of a cluster, which counts only what its own connections write,
/// or by one that does not have their slot any more.
#[derive(Debug, thiserror::Error)]
#[error(
    "their slot has moved to another node meanwhile: they were not applied, and a later sync tries \
     again"
)]
struct Elsewhere;

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
