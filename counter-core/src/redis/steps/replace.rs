use super::look::parse_claim;
use super::script::{Answer, REPLACE};
use crate::error::{BoxError, Error, Operation};
use crate::id::CounterId;
use crate::protocol::{Claim, ClaimOp};
use crate::redis::connection::deadline::Deadline;
use crate::redis::connection::lease::{Broken, Lease};
use crate::redis::connection::packed::Packed;
use crate::redis::connection::reply::{Reply, Unexpected};
use crate::redis::store::RedisStore;
use crate::store::Replacement;

impl RedisStore {
    pub(crate) fn replace_one(
        &self,
        id: &CounterId,
        replacement: Replacement,
    ) -> Result<Claim, Error> {
        let (operation, op) = match replacement {
            Replacement::Set(to) => (Operation::Set, ClaimOp::Set(to)),
            Replacement::Delete => (Operation::Delete, ClaimOp::Delete),
        };
        let replaced = match self.lease() {
            Ok(mut lease) => self.replace_on(&mut lease, id, op),
            Err(why) => Err(Broken::NotSent(why)),
        };
        replaced.map_err(|broken| match broken {
            Broken::NotSent(source) => Error::NotCounted { operation, counter: id.clone(), source },
            Broken::Interrupted(source) => {
                Error::OutcomeUnknown { operation, counter: id.clone(), source }
            }
        })
    }

    /// The script checks everything before it changes anything, so what it answers with an error it has
    /// not done: that is as good as not sent.
    fn replace_on(&self, lease: &mut Lease, id: &CounterId, op: ClaimOp) -> Result<Claim, Broken> {
        let (life, _) = self.last_seen().get();
        let deadline = Deadline::after(self.timeouts().read);
        let reply = REPLACE.run(lease, &self.replace_call(id, op), deadline)?.pop();
        let answer = match reply.unwrap_or(Reply::Other) {
            Reply::Refused(refused) => return Err(Broken::NotSent(refused.into())),
            reply => Answer::read(reply),
        };
        let answer = answer.map_err(|why| lost(lease, why))?;
        if answer.word != b"ok" {
            return Err(Broken::NotSent(self.foreign(&answer, Some(id))));
        }
        let claim = read_claim(id, answer).ok_or_else(|| lost(lease, Unexpected.into()))?;
        self.confirm(lease).map_err(|why| lost(lease, why))?;
        self.last_seen().note_claim(life, claim.seq);
        Ok(claim)
    }

    fn replace_call(&self, id: &CounterId, op: ClaimOp) -> Packed {
        let mut call = Packed::default();
        REPLACE.call(&mut call, 3, 1, |args| {
            args.text(self.names().high_water());
            self.names().write_pending(args, id);
            self.names().write_claim(args, id);
            args.text(op.to_string());
        });
        call
    }
}

fn lost(lease: &mut Lease, why: BoxError) -> Broken {
    lease.distrust();
    Broken::Interrupted(why)
}

fn read_claim(id: &CounterId, mut answer: Answer) -> Option<Claim> {
    match answer.rest.next()? {
        Reply::Text(text) => parse_claim(id, &text),
        _ => None,
    }
}
