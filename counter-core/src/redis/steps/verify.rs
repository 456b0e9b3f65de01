use std::time::Duration;

use crate::error::{Error, StoreStep};
use crate::protocol::Claim;
use crate::redis::connection::deadline::Deadline;
use crate::redis::connection::packed::Packed;
use crate::redis::store::RedisStore;
use crate::store::Verdict;

/// How many claims one MGET reads: the server does nothing else meanwhile.
const CHUNK: usize = 500;
/// How many MGETs are sent before their replies are read.
const WINDOW: usize = 16;

impl RedisStore {
    /// One deadline for everything, the wait for a connection included: rows are locked meanwhile.
    pub(crate) fn verify_each(
        &self,
        claims: &[Claim],
        within: Duration,
    ) -> Result<Vec<Verdict>, Error> {
        let deadline = Deadline::after(within);
        self.repeatable_step(StoreStep::Verify, deadline, |lease| {
            let mut verdicts = Vec::with_capacity(claims.len());
            for window in claims.chunks(CHUNK * WINDOW) {
                let mut commands = Packed::default();
                for chunk in window.chunks(CHUNK) {
                    self.write_verify(&mut commands, chunk);
                }
                let replies = lease.ask_all(&commands, deadline)?;
                for (chunk, reply) in window.chunks(CHUNK).zip(replies) {
                    let texts = reply.into_array()?;
                    for (claim, text) in chunk.iter().zip(texts) {
                        verdicts.push(verdict(claim, text.into_text()?.as_deref()));
                    }
                }
            }
            Ok(verdicts)
        })
    }

    fn write_verify(&self, commands: &mut Packed, claims: &[Claim]) {
        commands.command(1 + claims.len(), |args| {
            args.text("MGET");
            for claim in claims {
                self.names().write_claim(args, &claim.id);
            }
        });
    }
}

fn verdict(claim: &Claim, text: Option<&[u8]>) -> Verdict {
    match text {
        None => Verdict::Gone,
        Some(text) if text == claim.text().as_bytes() => Verdict::Held,
        Some(_) => Verdict::Superseded,
    }
}
