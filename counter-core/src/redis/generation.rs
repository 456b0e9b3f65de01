use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};

use super::lease::Lease;
use super::packed::Packed;
use super::reply::{Reply, Unexpected};
use super::script::{Answer, GENERATION};
use super::store::RedisStore;
use crate::claim::ClaimSeq;
use crate::error::{BoxError, Error, StoreStep};
use crate::store::Generation;

impl RedisStore {
    pub(super) fn identify(&self, database: &str, above: ClaimSeq) -> Result<Generation, Error> {
        self.step(StoreStep::Identify, |lease| self.identify_on(lease, database, above))
    }

    fn identify_on(
        &self,
        lease: &mut Lease,
        database: &str,
        above: ClaimSeq,
    ) -> Result<Generation, BoxError> {
        let (life, _) = self.last_seen().get();
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
        let last_seen = self.last_seen();
        last_seen.note_store(life, &generation.store_id, is_new, generation.high_water);
        Ok(generation)
    }
}

/// What `{prefix}{id}` holds: the store's id, which has no colon, and the database's.
pub(super) fn parse(identity: Vec<u8>, high_water: ClaimSeq) -> Result<Generation, BoxError> {
    let identity = String::from_utf8(identity)?;
    let (store_id, database) = identity.split_once(':').ok_or(Unexpected)?;
    Ok(Generation { store_id: store_id.to_owned(), database: database.to_owned(), high_water })
}

/// 128 bits as hexadecimal digits. The standard library's hashers start from random keys, which is
/// random enough for an id that nobody has a reason to guess.
fn random_id() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}
