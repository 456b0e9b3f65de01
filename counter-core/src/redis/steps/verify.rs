use std::time::Duration;

use super::values::parse_claim;
use crate::error::{Error, StoreStep};
use crate::protocol::{Claim, ClaimOp};
use crate::redis::batch::{self, Batch, IfLost, Window};
use crate::redis::connection::{Checkout, Deadline, Names, Packed};
use crate::redis::server::Server;
use crate::store::Verdict;

/// Returns whether each claim is still the one that its counter has. There is one deadline for
/// everything, the wait for a connection included, because rows are locked meanwhile. Claims of a
/// node of a cluster that does not answer are unavailable, where there are others.
pub(crate) fn verify(
    server: &Server,
    claims: &[Claim],
    within: Duration,
) -> Result<Vec<Verdict>, Error> {
    let until = Deadline::after(within);
    let if_lost = IfLost::Repeat { until };
    // Where slots move one by one, no command must wait for several names of one.
    let (chunk, window) = if server.names().are_spread() { (1, 1000) } else { (500, 16) };
    let batch = Batch { step: StoreStep::Verify, chunk, window, if_lost };
    let names = server.names();
    let ask = |checkout: &mut Checkout<'_>, window: &Window<'_, Claim>, verdicts: &mut Vec<_>| {
        let commands = window.pack(|commands, chunk| write_look(commands, names, chunk.items));
        for (chunk, reply) in window.with(checkout.ask_all(&commands, window.until)?) {
            for (claim, text) in chunk.items.iter().zip(reply.into_array()?) {
                verdicts.push(verdict(claim, text.into_text()?.as_deref()));
            }
        }
        Ok(())
    };
    batch::in_chunks_or(server, names, batch, claims, ask, |error, claims| match error {
        Error::Store { .. } if names.are_spread() => {
            Ok(claims.iter().map(|_| Verdict::Unavailable).collect())
        }
        error => Err(error),
    })
}

fn write_look(commands: &mut Packed, names: &Names, claims: &[Claim]) {
    commands.command(1 + claims.len(), |args| {
        args.text("MGET");
        for claim in claims {
            names.write_claim(args, &claim.id);
        }
    });
}

fn verdict(claim: &Claim, text: Option<&[u8]>) -> Verdict {
    match text {
        None => Verdict::Gone,
        Some(text) if text == claim.text().as_bytes() => Verdict::Current,
        Some(text) => match parse_claim(&claim.id, text) {
            Some(Claim { seq, op: ClaimOp::Set(_), .. }) if seq > claim.seq => Verdict::SetSince,
            _ => Verdict::Superseded,
        },
    }
}
