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
        named: Vec::new(),
    };
    for answer in answers {
        match answer.named {
            Ok(named) => {
                facts.known = facts.known.max(named.known_sentinels.unwrap_or_default());
                facts.named.push((answer.sentinel, named.address.to_string()));
            }
            Err(why) => facts.silent.push((answer.sentinel, why)),
        }
    }
    facts
}
