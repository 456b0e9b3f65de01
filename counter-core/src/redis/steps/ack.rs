use super::script::ACK;
use crate::error::{Error, StoreStep};
use crate::protocol::Claim;
use crate::redis::connection::deadline::Deadline;
use crate::redis::connection::packed::Packed;
use crate::redis::store::RedisStore;

/// How many claims one call of the script removes: the server does nothing else meanwhile.
const CHUNK: usize = 200;
/// How many calls are sent before their replies are read.
const WINDOW: usize = 20;

impl RedisStore {
    pub(crate) fn ack_each(&self, claims: &[Claim]) -> Result<(), Error> {
        self.repeatable_step(StoreStep::Ack, Deadline::NEVER, |lease| {
            for window in claims.chunks(CHUNK * WINDOW) {
                let mut calls = Packed::default();
                for chunk in window.chunks(CHUNK) {
                    self.write_ack_call(&mut calls, chunk);
                }
                for reply in self.run(&ACK, lease, &calls)? {
                    reply.into_number()?;
                }
            }
            Ok(())
        })
    }

    fn write_ack_call(&self, calls: &mut Packed, claims: &[Claim]) {
        ACK.call(calls, claims.len(), claims.len(), |args| {
            for claim in claims {
                self.names().write_claim(args, &claim.id);
            }
            for claim in claims {
                args.text(claim.text());
            }
        });
    }
}
