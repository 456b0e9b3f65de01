use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};

use super::look::parse_high_water;
use super::script::{Answer, GENERATION};
use crate::error::{BoxError, Error, StoreStep};
use crate::protocol::{ClaimSeq, Generation};
use crate::redis::connection::deadline::Deadline;
use crate::redis::connection::lease::Lease;
use crate::redis::connection::packed::Packed;
use crate::redis::connection::reply::{Reply, Unexpected};
use crate::redis::last_seen::Seen;
use crate::redis::store::RedisStore;

impl RedisStore {
    pub(crate) fn identify(&self, database: &str, above: ClaimSeq) -> Result<Generation, Error> {
        self.step(StoreStep::Identify, |lease| self.identify_on(lease, database, above))
    }

    /// Both at one instant.
    pub(crate) fn read_generation(&self) -> Result<Option<Generation>, Error> {
        self.repeatable_step(StoreStep::Identify, Deadline::NEVER, |lease| {
            let seen = self.last_seen().so_far();
            let mut command = Packed::default();
            command.command(3, |args| {
                args.text("MGET").text(self.names().generation()).text(self.names().high_water());
            });
            let mut values = self.ask(lease, &command)?.into_array()?.into_iter();
            let mut value = || values.next().ok_or(Unexpected);
            let (identity, high_water) = (value()?.into_text()?, value()?);
            let high_water = parse_high_water(self.names(), high_water)?;
            let generation = identity.map(|identity| parse(identity, high_water)).transpose()?;
            Ok(generation.map(|generation| generation.beside(&seen)))
        })
    }

    fn identify_on(
        &self,
        lease: &mut Lease,
        database: &str,
        above: ClaimSeq,
    ) -> Result<Generation, BoxError> {
        let (seen, (life, _)) = (self.last_seen().so_far(), self.last_seen().get());
        let mut call = Packed::default();
        GENERATION.call(&mut call, 2, 2, |args| {
            args.text(self.names().generation()).text(self.names().high_water());
            args.text(format!("{}:{database}", random_id())).int(above.get());
        });
        let reply = self.run(&GENERATION, lease, &call)?.pop();
        let mut answer = Answer::read(reply.unwrap_or(Reply::Other))?;
        let is_new = match answer.word.as_slice() {
            b"new" => true,
            b"old" => false,
            _ => return Err(self.foreign(&answer, None)),
        };
        let identity = answer.rest.next().ok_or(Unexpected)?.into_text()?;
        let generation = parse(identity.unwrap_or_default(), answer.sequence()?)?;
        let (store_id, high_water) = (&generation.store_id, generation.high_water);
        self.last_seen().note_store(life, store_id, is_new, high_water);
        // What was seen before an id is new belongs to an earlier life.
        Ok(if is_new { generation } else { generation.beside(&seen) })
    }
}

impl Generation {
    /// With what this process had seen of it before it was asked.
    pub(crate) fn beside(self, seen: &Seen) -> Self {
        let newest_seen = seen.newest_of(&self.store_id);
        Self { newest_seen, ..self }
    }
}

/// What `{prefix}{id}` holds: the store's id, which has no colon, and the database's.
pub(crate) fn parse(identity: Vec<u8>, high_water: ClaimSeq) -> Result<Generation, BoxError> {
    let identity = String::from_utf8(identity)?;
    let (store_id, database) = identity.split_once(':').ok_or(Unexpected)?;
    let (store_id, database) = (store_id.to_owned(), database.to_owned());
    Ok(Generation::new(store_id, database, high_water))
}

/// 128 bits as hexadecimal digits. The standard library's hashers start from random keys, which is
/// random enough for an id that nobody has a reason to guess.
fn random_id() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}
