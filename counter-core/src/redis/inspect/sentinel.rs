use crate::redis::connection::Follower;
use crate::store::SentinelFacts;

/// Asks each sentinel, and returns what they answered.
pub(crate) fn sentinel_facts(follower: &Follower) -> SentinelFacts {
    let answers = follower.ask_each();
    let mut facts = SentinelFacts {
        master_name: follower.master_name().to_owned(),
        master: follower.followed(),
        known: answers.len() as u64,
        silent: Vec::new(),
    };
    for answer in answers {
        match answer.knows {
            Ok(known) => facts.known = facts.known.max(known.unwrap_or_default()),
            Err(why) => facts.silent.push((answer.sentinel, why)),
        }
    }
    facts
}
