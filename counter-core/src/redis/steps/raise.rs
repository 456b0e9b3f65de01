use super::script::{Answer, RAISE};
use crate::error::{Error, StoreStep};
use crate::protocol::ClaimSeq;
use crate::redis::connection::packed::Packed;
use crate::redis::connection::reply::Reply;
use crate::redis::store::RedisStore;

impl RedisStore {
    /// Above what this process has seen too, or it would go on to claim nothing.
    pub(crate) fn raise_above(&self, above: ClaimSeq) -> Result<(), Error> {
        self.step(StoreStep::Raise, |lease| {
            let (life, newest) = self.last_seen().get();
            let mut call = Packed::default();
            RAISE.call(&mut call, 1, 1, |args| {
                args.text(self.names().high_water()).int(above.max(newest).get());
            });
            let reply = self.run(&RAISE, lease, &call)?.pop();
            let answer = Answer::read(reply.unwrap_or(Reply::Other))?;
            if answer.word != b"ok" {
                return Err(self.foreign(&answer, None));
            }
            self.last_seen().note(life, answer.sequence()?);
            Ok(())
        })
    }
}
