//! What a server tells of itself to who asks, and changes nothing.

use crate::clock::{Clock as _, SystemClock};
use crate::error::{BoxError, Error, StoreStep};
use crate::protocol::{ClaimSeq, Generation};
use crate::redis::connection::lease::Lease;
use crate::redis::connection::names::Names;
use crate::redis::connection::packed::Packed;
use crate::redis::connection::reply::{Reply, Unexpected};
use crate::redis::last_seen::Seen;
use crate::redis::steps::found;
use crate::redis::steps::generation;
use crate::redis::steps::look::parse_high_water;
use crate::redis::store::RedisStore;
use crate::store::Foreign;
use crate::store::{ClockReading, Fact, MemoryFacts, PersistenceFacts, ServerVersion, StoreFacts};

impl RedisStore {
    /// Managed servers refuse CONFIG, and a user may have a right to any of these: each has an answer of
    /// its own.
    pub(crate) fn inspect_server(&self) -> Result<StoreFacts, Error> {
        self.step(StoreStep::Inspect, |lease| {
            let seen = self.last_seen().so_far();
            let clock = self.read_clock(lease)?;
            let mut replies = self.ask_all(lease, &questions(self.names()))?.into_iter();
            let mut next = || replies.next().unwrap_or(Reply::Other);
            let info = Info::read(next());
            let mut facts = StoreFacts {
                clock,
                server: info.tell(Info::server),
                memory: info.tell(Info::memory),
                persistence: info.tell(Info::persistence),
                is_replica: info.tell(|info| Some(info.text("role")? == "slave")),
                in_cluster: info.tell(|info| Some(info.text("cluster_enabled")? == "1")),
                append_fsync: setting(next()),
                snapshots: setting(next()),
                ..StoreFacts::default()
            };
            self.read_identity(&mut facts, &seen, next(), next());
            facts.increments = self.try_increment(lease)?;
            facts.refused = self.ask_refused(lease)?;
            match why_silent(&facts) {
                Some(why) => Err(why.into()),
                None => Ok(facts),
            }
        })
    }

    /// By itself, for the clocks are compared with what the answer took.
    fn read_clock(&self, lease: &mut Lease) -> Result<Fact<ClockReading>, BoxError> {
        let mut command = Packed::default();
        command.command(1, |args| {
            args.text("TIME");
        });
        let before = SystemClock.now_micros();
        let reply = self.ask(lease, &command)?;
        let after = SystemClock.now_micros();
        let server = parse_time(reply);
        Ok(server.map(|server| ClockReading { before, server, after }).into())
    }

    fn read_identity(
        &self,
        facts: &mut StoreFacts,
        seen: &Seen,
        identity: Reply,
        high_water: Reply,
    ) {
        let names = self.names();
        let read = if high_water.is_wrong_type() {
            Err(found::not_a_string(names.high_water().to_owned(), OTHER_TYPE).into())
        } else {
            parse_high_water(names, high_water)
        };
        facts.high_water = fact_or_taken(read, &mut facts.taken);
        let newest = facts.high_water.known().copied().unwrap_or_default();
        let generation = parse_identity(names, identity, newest)
            .map(|generation| generation.map(|generation| generation.beside(seen)));
        facts.generation = fact_or_taken(generation, &mut facts.taken);
    }
}

/// Why nothing was answered at all, as where the server asks for a password first.
fn why_silent(facts: &StoreFacts) -> Option<&str> {
    let why = facts.clock.why_unknown()?;
    facts.server.why_unknown()?;
    facts.generation.why_unknown()?;
    facts.high_water.why_unknown()?;
    Some(why)
}

/// INFO is one command for nearly everything, and tells what CONFIG would be refused for.
fn questions(names: &Names) -> Packed {
    let mut questions = Packed::default();
    let mut ask = |words: &[&str]| {
        questions.command(words.len(), |args| {
            for word in words {
                args.text(word);
            }
        });
    };
    ask(&["INFO"]);
    ask(&["CONFIG", "GET", "appendfsync"]);
    ask(&["CONFIG", "GET", "save"]);
    ask(&["GET", names.generation()]);
    ask(&["GET", names.high_water()]);
    questions
}

/// How the type of a value is called that no GET returns.
const OTHER_TYPE: &str = "value of another type";

/// Seconds and microseconds, each as a text.
fn parse_time(reply: Reply) -> Result<i64, BoxError> {
    let mut numbers = reply.into_array()?.into_iter().map(|number| {
        let text = number.into_text()?.ok_or(Unexpected)?;
        Ok::<i64, BoxError>(str::from_utf8(&text)?.parse()?)
    });
    let (Some(seconds), Some(micros)) = (numbers.next(), numbers.next()) else {
        return Err(Unexpected.into());
    };
    let seconds = seconds?.checked_mul(1_000_000).ok_or(Unexpected)?;
    Ok(seconds.checked_add(micros?).ok_or(Unexpected)?)
}

fn parse_identity(
    names: &Names,
    identity: Reply,
    high_water: ClaimSeq,
) -> Result<Option<Generation>, BoxError> {
    if identity.is_wrong_type() {
        return Err(found::not_a_string(names.generation().to_owned(), OTHER_TYPE).into());
    }
    let Some(identity) = identity.into_text()? else {
        return Ok(None);
    };
    match generation::parse(identity.clone(), high_water) {
        Ok(generation) if !generation.store_id.is_empty() => Ok(Some(generation)),
        _ => Err(found::not_an_id(names, &identity).into()),
    }
}

/// An answer, unless it says that somebody else's value is in the place.
fn fact_or_taken<T>(answer: Result<T, BoxError>, taken: &mut Vec<Foreign>) -> Fact<T> {
    match answer {
        Ok(answer) => Fact::Known(answer),
        Err(why) => match why.downcast::<Foreign>() {
            Ok(foreign) => {
                taken.push(*foreign);
                Fact::None
            }
            Err(why) => Fact::Unknown(why.to_string()),
        },
    }
}

/// What CONFIG GET of one name is answered with: the name and the value.
fn setting(reply: Reply) -> Fact<String> {
    let value = reply.into_array().and_then(|items| match items.into_iter().nth(1) {
        Some(value) => Ok(value.into_text()?.ok_or(Unexpected)?),
        None => Err("the server does not know this setting".into()),
    });
    value.map(|value| String::from_utf8_lossy(&value).into_owned()).into()
}

/// The answer to INFO: lines of `name:value`.
struct Info(Result<String, String>);

impl Info {
    fn read(reply: Reply) -> Self {
        let text = reply.into_text().and_then(|text| text.ok_or_else(|| Unexpected.into()));
        let text = text.map(|text| String::from_utf8_lossy(&text).into_owned());
        Self(text.map_err(|why| why.to_string()))
    }

    /// What `read` finds, which is nothing where the server's INFO has no such lines.
    fn tell<T>(&self, read: impl FnOnce(&Self) -> Option<T>) -> Fact<T> {
        match &self.0 {
            Err(why) => Fact::Unknown(why.clone()),
            Ok(_) => read(self).ok_or("the server's INFO does not say it").into(),
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        let mut lines = self.0.as_ref().ok()?.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    /// Valkey also names the version of Redis that it is compatible with.
    fn server(&self) -> Option<ServerVersion> {
        let (product, number) = match self.text("valkey_version") {
            Some(number) => ("Valkey", number),
            None => ("Redis", self.text("redis_version")?),
        };
        Some(ServerVersion { product: product.to_owned(), number: number.to_owned() })
    }

    fn memory(&self) -> Option<MemoryFacts> {
        Some(MemoryFacts {
            used: self.number("used_memory")?,
            limit: self.number("maxmemory")?,
            policy: self.text("maxmemory_policy")?.to_owned(),
            evicted: self.number("evicted_keys").unwrap_or(0),
        })
    }

    fn persistence(&self) -> Option<PersistenceFacts> {
        let is_ok = |name| self.text(name).is_none_or(|status| status == "ok");
        Some(PersistenceFacts {
            append_only: self.text("aof_enabled")? == "1",
            last_write_ok: is_ok("rdb_last_bgsave_status")
                && is_ok("aof_last_write_status")
                && is_ok("aof_last_bgrewrite_status"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(text: &str) -> Info {
        Info::read(Reply::Text(text.as_bytes().to_vec()))
    }

    #[test]
    fn info_is_read_line_by_line_and_what_is_missing_is_unknown() {
        let info = info(
            "# Server\r\nredis_version:7.0.15\r\n\r\nrole:master\r\nused_memory_peak:9\r\nused_memory:5\r\n",
        );
        let server = info.tell(Info::server);
        assert_eq!(server.known().map(ToString::to_string).as_deref(), Some("Redis 7.0.15"));
        assert_eq!(info.number("used_memory"), Some(5));
        assert!(info.tell(Info::memory).why_unknown().is_some());
    }

    #[test]
    fn valkey_goes_by_its_own_name() {
        let info = info("redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.1\r\n");
        assert_eq!(info.server().map(|server| server.to_string()).as_deref(), Some("Valkey 8.1.1"));
    }

    #[test]
    fn a_time_of_any_form_is_a_time_or_an_error() {
        let text = |text: &str| Reply::Text(text.as_bytes().to_vec());
        let time = |items: Vec<Reply>| parse_time(Reply::Array(items)).ok();
        assert_eq!(time(vec![text("12"), text("34")]), Some(12_000_034));
        assert_eq!(time(vec![text("12")]), None);
        assert_eq!(time(vec![text("9223372036854775807"), text("0")]), None);
        assert_eq!(time(vec![text("a"), text("0")]), None);
        assert_eq!(time(vec![Reply::Int(1), Reply::Nil]), None);
    }
}
