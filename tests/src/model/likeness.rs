//! Shows that the model's store does what the real one does, by doing everything to both.

use std::time::Duration;

use crate::fixtures::views_of;
use counter_core::{
    Claim, ClaimOp, Claimed as RealClaimed, CounterId, DeltaStore, ManualClock, MemoryStore,
    PrivateStore, Replacement,
};

use super::store::{Claimed, Kind, Store, Ticket};

/// Does every sequence of so many steps to both and compares what they answer and hold. Returns how
/// many sequences there are.
pub fn compare(steps: u32) -> usize {
    let choices = Deed::ALL.len();
    let sequences = choices.pow(steps);
    for number in 0..sequences {
        let mut pair = Pair::default();
        let mut rest = number;
        for _ in 0..steps {
            pair.do_both(Deed::ALL[rest % choices]);
            rest /= choices;
        }
    }
    sequences
}

#[derive(Debug, Clone, Copy)]
enum Deed {
    Increment(i64),
    Claim,
    Replace(Replacement),
    AckLatest,
    AckEarlier,
    RenumberLatest,
    RenumberEarlier,
}

impl Deed {
    const ALL: [Self; 9] = [
        Self::Increment(1),
        Self::Increment(-1),
        Self::Claim,
        Self::Replace(Replacement::Set(10)),
        Self::Replace(Replacement::Delete),
        Self::AckLatest,
        Self::AckEarlier,
        Self::RenumberLatest,
        Self::RenumberEarlier,
    ];
}

struct Pair {
    model: Store,
    real: MemoryStore,
    id: CounterId,
    latest: Option<Ticket>,
    earlier: Option<Ticket>,
}

impl Default for Pair {
    fn default() -> Self {
        Self {
            model: Store::new(Kind::Private(1), 0),
            // It stands still, so that sequences are counted.
            real: MemoryStore::with_clock(ManualClock::default()),
            id: views_of(1),
            latest: None,
            earlier: None,
        }
    }
}

impl Pair {
    fn do_both(&mut self, deed: Deed) {
        match deed {
            Deed::Increment(by) => {
                self.model.increment(by);
                self.real.increment(&self.id, by).unwrap();
            }
            Deed::Claim => self.claim(),
            Deed::Replace(replacement) => self.replace(replacement),
            Deed::AckLatest => self.ack(self.latest),
            Deed::AckEarlier => self.ack(self.earlier),
            Deed::RenumberLatest => self.renumber(self.latest),
            Deed::RenumberEarlier => self.renumber(self.earlier),
        }
        self.compare(deed);
    }

    fn claim(&mut self) {
        let model = self.model.claim();
        let real = self.real.claim(std::slice::from_ref(&self.id), Duration::ZERO).unwrap();
        match (model, real.as_slice()) {
            (Claimed::Nothing, [RealClaimed::Nothing | RealClaimed::Zero]) => {}
            (Claimed::Fresh(ticket), [RealClaimed::Fresh(claim)])
            | (Claimed::Recovered(ticket), [RealClaimed::Recovered(claim)]) => {
                assert_eq!(self.claim_of(ticket), *claim);
                self.note(ticket);
            }
            different => panic!("{different:?}"),
        }
    }

    fn replace(&mut self, replacement: Replacement) {
        let op = match replacement {
            Replacement::Set(to) => ClaimOp::Set(to),
            Replacement::Delete => ClaimOp::Delete,
        };
        let ticket = self.model.replace(op);
        let claim = self.real.replace(&self.id, replacement).unwrap();
        assert_eq!(self.claim_of(ticket), claim);
        self.note(ticket);
    }

    fn ack(&mut self, ticket: Option<Ticket>) {
        if let Some(ticket) = ticket {
            self.model.ack(ticket);
            self.real.ack(&[self.claim_of(ticket)]).unwrap();
        }
    }

    fn renumber(&mut self, ticket: Option<Ticket>) {
        if let Some(ticket) = ticket {
            let renumbered = self.model.renumber(ticket, ticket.seq);
            let claims = [self.claim_of(ticket)];
            let real = self.real.renumber_unapplied(&claims, ticket.seq).unwrap();
            assert_eq!([renumbered.map(|ticket| self.claim_of(ticket))], real[..]);
            renumbered.into_iter().for_each(|ticket| self.note(ticket));
        }
    }

    fn note(&mut self, ticket: Ticket) {
        if self.latest != Some(ticket) {
            self.earlier = self.latest.replace(ticket);
        }
    }

    fn compare(&self, deed: Deed) {
        let look = self.real.look(std::slice::from_ref(&self.id)).unwrap();
        assert_eq!(look.high_water, self.model.high_water, "after {deed:?}");
        let held = look.held[0].as_ref().unwrap();
        assert_eq!(held.pending, self.model.pending.unwrap_or(0), "after {deed:?}");
        let claim = self.model.claim.map(|ticket| self.claim_of(ticket));
        assert_eq!(held.claim, claim, "after {deed:?}");
        for ticket in [self.latest, self.earlier].into_iter().flatten() {
            let real = self.real.verify(&[self.claim_of(ticket)], Duration::MAX).unwrap();
            assert_eq!(real, [self.model.verify(ticket)], "after {deed:?}");
        }
    }

    fn claim_of(&self, ticket: Ticket) -> Claim {
        Claim { id: self.id.clone(), seq: ticket.seq, op: ticket.op }
    }
}
