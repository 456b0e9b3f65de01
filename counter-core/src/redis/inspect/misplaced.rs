use crate::error::{BoxError, Error, StoreStep};
use crate::id::CounterId;
use crate::redis::connection::packed::Packed;
use crate::redis::steps::found;
use crate::redis::store::RedisStore;
use crate::store::Foreign;

/// How many counters are asked about before the replies are read.
const WINDOW: usize = 2000;

impl RedisStore {
    /// An MGET shows nothing where there is something else than a string.
    pub(crate) fn misplaced_at(&self, ids: &[CounterId]) -> Result<Vec<Foreign>, Error> {
        self.step(StoreStep::Look, |lease| {
            let mut misplaced = Vec::new();
            for window in ids.chunks(WINDOW) {
                let replies = self.ask_all(lease, &self.type_commands(window))?;
                for (name, reply) in self.places(window).zip(replies) {
                    let of_type = reply.into_text()?.unwrap_or_default();
                    if !matches!(of_type.as_slice(), b"string" | b"none") {
                        let of_type = String::from_utf8_lossy(&of_type);
                        misplaced.push(found::not_a_string(name, &of_type));
                    }
                }
            }
            Ok::<_, BoxError>(misplaced)
        })
    }

    fn type_commands(&self, ids: &[CounterId]) -> Packed {
        let mut commands = Packed::default();
        for name in self.places(ids) {
            commands.command(2, |args| {
                args.text("TYPE").text(name);
            });
        }
        commands
    }

    /// Where the pending delta and the claim of each counter are.
    fn places(&self, ids: &[CounterId]) -> impl Iterator<Item = String> {
        let prefix = self.names().prefix();
        ids.iter().flat_map(move |id| [prefix.pending_name(id), prefix.claim_name(id)])
    }
}
