use super::script::DISCARD;
use crate::error::{Error, StoreStep};
use crate::id::CounterId;
use crate::redis::connection::packed::Packed;
use crate::redis::store::RedisStore;

/// How many counters one call of the script drops: the server does nothing else meanwhile.
const CHUNK: usize = 100;
/// How many calls are sent before their replies are read.
const WINDOW: usize = 40;

impl RedisStore {
    pub(crate) fn discard_each(&self, ids: &[CounterId]) -> Result<u64, Error> {
        self.step(StoreStep::Discard, |lease| {
            let mut dropped = 0;
            for window in ids.chunks(CHUNK * WINDOW) {
                let mut calls = Packed::default();
                for chunk in window.chunks(CHUNK) {
                    self.write_discard_call(&mut calls, chunk);
                }
                for reply in self.run(&DISCARD, lease, &calls)? {
                    dropped += u64::try_from(reply.into_number()?)?;
                }
            }
            Ok(dropped)
        })
    }

    fn write_discard_call(&self, calls: &mut Packed, ids: &[CounterId]) {
        DISCARD.call(calls, 2 * ids.len(), 0, |args| {
            for id in ids {
                self.names().write_pending(args, id);
                self.names().write_claim(args, id);
            }
        });
    }
}
