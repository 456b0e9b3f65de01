use std::time::Duration;

use super::found;
use super::look::parse_claim;
use super::script::{Answer, CLAIM};
use crate::error::{BoxError, Error, StoreStep};
use crate::id::CounterId;
use crate::protocol::ClaimSeq;
use crate::redis::connection::deadline::Deadline;
use crate::redis::connection::lease::Lease;
use crate::redis::connection::packed::Packed;
use crate::redis::connection::reply::{Reply, Unexpected};
use crate::redis::store::RedisStore;
use crate::store::Claimed;

/// How many counters one call of the script claims: the server does nothing else meanwhile.
const CHUNK: usize = 50;
/// How many calls are sent before their replies are read.
const WINDOW: usize = 80;

impl RedisStore {
    pub(crate) fn claim_each(
        &self,
        ids: &[CounterId],
        claim_timeout: Duration,
    ) -> Result<Vec<Claimed>, Error> {
        // What a try has claimed whose answer was lost is busy in the next, until it looks abandoned.
        self.repeatable_step(StoreStep::Claim, Deadline::NEVER, |lease| {
            let mut claimed = Vec::with_capacity(ids.len());
            for window in ids.chunks(CHUNK * WINDOW) {
                self.claim_window(lease, window, claim_timeout, &mut claimed)?;
            }
            Ok(claimed)
        })
    }

    fn claim_window(
        &self,
        lease: &mut Lease,
        ids: &[CounterId],
        claim_timeout: Duration,
        claimed: &mut Vec<Claimed>,
    ) -> Result<(), BoxError> {
        let (life, newest) = self.last_seen().get();
        let mut calls = Packed::default();
        for chunk in ids.chunks(CHUNK) {
            self.write_claim_call(&mut calls, chunk, claim_timeout, newest);
        }
        let replies = self.run(&CLAIM, lease, &calls)?;
        let (before, mut high_water) = (claimed.len(), ClaimSeq::ZERO);
        for (chunk, reply) in ids.chunks(CHUNK).zip(replies) {
            let answer = Answer::read(reply)?;
            self.check(&answer, newest)?;
            high_water = high_water.max(answer.sequence()?);
            self.read_claims(chunk, answer, claimed)?;
        }
        self.last_seen().note(life, high_water);
        let made = claimed.iter().skip(before).filter_map(|claimed| match claimed {
            Claimed::Fresh(claim) | Claimed::Recovered(claim) => Some(claim.seq),
            _ => None,
        });
        if let Some(newest) = made.max() {
            self.confirm(lease)?;
            // One that somebody planted may be above all that the server has given out.
            self.last_seen().note_claim(life, newest.min(high_water));
        }
        Ok(())
    }

    fn write_claim_call(
        &self,
        calls: &mut Packed,
        ids: &[CounterId],
        claim_timeout: Duration,
        newest: ClaimSeq,
    ) {
        let names = self.names();
        CLAIM.call(calls, 1 + 2 * ids.len(), 2, |args| {
            args.text(names.high_water());
            for id in ids {
                names.write_pending(args, id);
                names.write_claim(args, id);
            }
            args.int(i64::try_from(claim_timeout.as_micros()).unwrap_or(i64::MAX));
            args.int(newest.get());
        });
    }

    /// Whether the script found itself able to claim anything.
    fn check(&self, answer: &Answer, recorded: ClaimSeq) -> Result<(), BoxError> {
        match answer.word.as_slice() {
            b"ok" => Ok(()),
            b"back" => {
                let found = answer.sequence()?;
                Err(Error::StoreWentBack { found, recorded }.into())
            }
            _ => Err(self.foreign(answer, None)),
        }
    }

    fn read_claims(
        &self,
        ids: &[CounterId],
        answer: Answer,
        claimed: &mut Vec<Claimed>,
    ) -> Result<(), BoxError> {
        let mut outcomes = answer.rest;
        for id in ids {
            let Some(Reply::Text(outcome)) = outcomes.next() else {
                return Err(Unexpected.into());
            };
            claimed.push(self.read_claim(id, &outcome).ok_or(Unexpected)?);
        }
        Ok(())
    }

    fn read_claim(&self, id: &CounterId, outcome: &[u8]) -> Option<Claimed> {
        Some(match outcome {
            b"n" => Claimed::Nothing,
            b"z" => Claimed::Zero,
            b"b" => Claimed::Busy,
            [b'f', text @ ..] => Claimed::Fresh(parse_claim(id, text)?),
            [b'r', text @ ..] => Claimed::Recovered(parse_claim(id, text)?),
            [b'x', code @ ..] => {
                Claimed::Foreign(found::from_script(code, self.names(), Some(id))?)
            }
            _ => return None,
        })
    }
}
