use super::found;
use super::script::{GREATEST_HIGH_WATER, sequence};
use crate::error::{BoxError, Error, StoreStep};
use crate::id::CounterId;
use crate::id::canonical_i64;
use crate::protocol::{Claim, ClaimSeq, Held};
use crate::redis::connection::deadline::Deadline;
use crate::redis::connection::lease::Lease;
use crate::redis::connection::names::Names;
use crate::redis::connection::packed::Packed;
use crate::redis::connection::reply::{Reply, Unexpected};
use crate::redis::store::RedisStore;
use crate::store::{Foreign, Look};

/// How many counters one MGET reads: the server does nothing else meanwhile.
const CHUNK: usize = 250;
/// How many MGETs are sent before their replies are read.
const WINDOW: usize = 16;

impl RedisStore {
    pub(crate) fn look_at(&self, ids: &[CounterId]) -> Result<Look, Error> {
        let (life, _) = self.last_seen().get();
        let look = self.repeatable_step(StoreStep::Look, Deadline::NEVER, |lease| {
            let mut high_water = None;
            let mut held = Vec::with_capacity(ids.len());
            for window in ids.chunks(CHUNK * WINDOW) {
                self.look_at_window(lease, window, &mut high_water, &mut held)?;
            }
            let high_water = match high_water {
                Some(high_water) => high_water,
                None => self.read_high_water(lease)?,
            };
            Ok(Look { high_water, held })
        })?;
        self.last_seen().note(life, look.high_water);
        Ok(look)
    }

    fn read_high_water(&self, lease: &mut Lease) -> Result<ClaimSeq, BoxError> {
        let mut command = Packed::default();
        command.command(2, |args| {
            args.text("GET").text(self.names().high_water());
        });
        parse_high_water(self.names(), self.ask(lease, &command)?)
    }

    /// The high water comes with the first look of all: it must be older than none of them.
    fn look_at_window(
        &self,
        lease: &mut Lease,
        ids: &[CounterId],
        high_water: &mut Option<ClaimSeq>,
        held: &mut Vec<Result<Held, Foreign>>,
    ) -> Result<(), BoxError> {
        let names = self.names();
        let mut commands = Packed::default();
        for (index, chunk) in ids.chunks(CHUNK).enumerate() {
            let with_high_water = index == 0 && high_water.is_none();
            write_look(&mut commands, names, chunk, with_high_water);
        }
        let replies = self.ask_all(lease, &commands)?;
        for (chunk, reply) in ids.chunks(CHUNK).zip(replies) {
            let mut values = reply.into_array()?.into_iter();
            if high_water.is_none() {
                *high_water = Some(parse_high_water(names, values.next().ok_or(Unexpected)?)?);
            }
            for id in chunk {
                let mut value = || values.next().ok_or(Unexpected)?.into_text();
                held.push(parse_held(names, id, value()?, value()?));
            }
        }
        Ok(())
    }
}

fn write_look(commands: &mut Packed, names: &Names, ids: &[CounterId], with_high_water: bool) {
    commands.command(1 + usize::from(with_high_water) + 2 * ids.len(), |args| {
        args.text("MGET");
        if with_high_water {
            args.text(names.high_water());
        }
        for id in ids {
            names.write_pending(args, id);
            names.write_claim(args, id);
        }
    });
}

pub(crate) fn parse_high_water(names: &Names, reply: Reply) -> Result<ClaimSeq, BoxError> {
    match reply.into_text()? {
        None => Ok(ClaimSeq::ZERO),
        Some(text) => sequence(&text)
            .filter(|newest| *newest <= GREATEST_HIGH_WATER)
            .ok_or_else(|| found::not_a_sequence(names, &text).into()),
    }
}

fn parse_held(
    names: &Names,
    id: &CounterId,
    pending: Option<Vec<u8>>,
    claim: Option<Vec<u8>>,
) -> Result<Held, Foreign> {
    let pending = match pending {
        None => 0,
        Some(value) => parse_count(&value).ok_or_else(|| found::not_a_count(names, id, &value))?,
    };
    let claim = match claim {
        None => None,
        Some(value) => {
            let claim = parse_claim(id, &value);
            Some(claim.ok_or_else(|| found::not_a_claim(names, id, &value))?)
        }
    };
    Ok(Held { pending, claim })
}

fn parse_count(value: &[u8]) -> Option<i64> {
    canonical_i64(str::from_utf8(value).ok()?)
}

/// The claim of `id` whose text this is.
pub(crate) fn parse_claim(id: &CounterId, text: &[u8]) -> Option<Claim> {
    Claim::from_text(id.clone(), str::from_utf8(text).ok()?).ok()
}
