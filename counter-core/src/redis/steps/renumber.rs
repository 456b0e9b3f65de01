use super::look::parse_claim;
use super::script::{Answer, RENUMBER};
use crate::error::{BoxError, Error, StoreStep};
use crate::protocol::{Claim, ClaimSeq};
use crate::redis::connection::packed::Packed;
use crate::redis::connection::reply::{Reply, Unexpected};
use crate::redis::store::RedisStore;

impl RedisStore {
    pub(crate) fn renumber_one(
        &self,
        claim: &Claim,
        above: ClaimSeq,
    ) -> Result<Option<Claim>, Error> {
        self.step(StoreStep::Renumber, |lease| {
            let (life, _) = self.last_seen().get();
            let reply = self.run(&RENUMBER, lease, &self.renumber_call(claim, above))?.pop();
            let answer = Answer::read(reply.unwrap_or(Reply::Other))?;
            let renumbered = match answer.word.as_slice() {
                b"gone" => return Ok(None),
                b"ok" => answer,
                _ => return Err(self.foreign(&answer, Some(&claim.id))),
            };
            let renumbered = read_claim(claim, renumbered)?;
            self.confirm(lease)?;
            self.last_seen().note_claim(life, renumbered.seq);
            Ok(Some(renumbered))
        })
    }

    fn renumber_call(&self, claim: &Claim, above: ClaimSeq) -> Packed {
        let mut call = Packed::default();
        RENUMBER.call(&mut call, 2, 2, |args| {
            args.text(self.names().high_water());
            self.names().write_claim(args, &claim.id);
            args.text(claim.text()).int(above.get());
        });
        call
    }
}

fn read_claim(claim: &Claim, mut answer: Answer) -> Result<Claim, BoxError> {
    let text = answer.rest.next().ok_or(Unexpected)?.into_text()?.ok_or(Unexpected)?;
    parse_claim(&claim.id, &text).ok_or_else(|| Unexpected.into())
}
