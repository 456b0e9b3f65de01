use super::cluster::cluster_facts;
use super::info::Info;
use super::rights;
use super::sentinel::sentinel_facts;
use crate::clock::{Clock as _, SystemClock};
use crate::error::{BoxError, Error, StoreStep};
use crate::names::{Foreign, Slot};
use crate::protocol::{ClaimSeq, Generation};
use crate::redis::confirmation_rule::ConfirmationRule;
use crate::redis::connection::{Checkout, Deadline, Names, Packed, Reply, Unexpected};
use crate::redis::last_sighting::Sighting;
use crate::redis::server::Server;
use crate::redis::steps;
use crate::store::{ClockReading, Fact, StoreFacts};

/// Returns the facts of a server, and those of the other nodes where names are spread over a
/// cluster.
pub(crate) fn inspect(server: &Server, rule: ConfirmationRule) -> Result<StoreFacts, Error> {
    let home = server.names().home();
    let mut facts = inspect_owner(server, rule, home)?;
    let Some(cluster) = server.cluster().filter(|_| server.names().are_spread()) else {
        return Ok(facts);
    };
    let of_home = cluster.owner(home);
    let others =
        cluster.first_slots().into_iter().filter(|(_, node)| Some(node) != of_home.as_ref());
    let others = others.map(|(slot, node)| {
        let facts = inspect_owner(server, rule, slot).map_err(|error| match error {
            Error::Store { source, .. } => source,
            error => error.into(),
        });
        (node.to_string(), facts.into())
    });
    if let Fact::Known(of_cluster) = &mut facts.cluster {
        of_cluster.others = others.collect();
    }
    Ok(facts)
}

/// Returns the facts of the server that has a slot. Managed servers refuse CONFIG, and a user may
/// lack the right to any of the commands: so each fact has an answer of its own.
fn inspect_owner(server: &Server, rule: ConfirmationRule, slot: Slot) -> Result<StoreFacts, Error> {
    server.repeatable_step(StoreStep::Inspect, slot, Deadline::NEVER, |checkout| {
        let seen = server.last_sighting().so_far();
        let clock = read_clock(server, checkout)?;
        let names = server.names();
        let mut replies = server.ask_all(checkout, &questions(server, slot))?.into_iter();
        let mut next = || replies.next().unwrap_or(Reply::Other);
        let info = Info::read(next());
        let mut facts = StoreFacts {
            clock,
            server: info.fact(Info::server),
            memory: info.fact(Info::memory),
            persistence: info.fact(Info::persistence),
            is_replica: info.fact(|info| Some(info.text("role")? == "slave")),
            replicas: info.fact(|info| info.number("connected_slaves")),
            in_cluster: info.fact(|info| Some(info.text("cluster_enabled")? == "1")),
            append_fsync: setting(next()),
            snapshots: setting(next()),
            ..StoreFacts::default()
        };
        read_high_water(&mut facts, names, slot, next());
        if slot == names.home() {
            read_generation(&mut facts, names, &seen, next());
        }
        if server.fails_over() {
            facts.min_replicas = number(next());
        }
        if let Some(follower) = server.follower() {
            facts.sentinel = Fact::Known(sentinel_facts(follower));
        }
        if let Some(cluster) = server.cluster() {
            let (nodes, full_coverage) = (next(), setting(next()));
            facts.cluster = Fact::Known(cluster_facts(cluster, slot, nodes, full_coverage));
        }
        facts.increments = rights::try_increment(server, checkout, slot)?;
        facts.missing_rights = rights::missing_rights(server, checkout, slot, rule)?;
        match why_silent(&facts) {
            Some(why) => Err(why.into()),
            None => Ok(facts),
        }
    })
}

/// Asks for the time by itself, because the wait for the answer limits how well clocks compare.
fn read_clock(
    server: &Server,
    checkout: &mut Checkout<'_>,
) -> Result<Fact<ClockReading>, BoxError> {
    let mut command = Packed::default();
    command.command(1, |args| {
        args.text("TIME");
    });
    let before = SystemClock.now_micros();
    let reply = server.ask(checkout, &command)?;
    let after = SystemClock.now_micros();
    let server = steps::parse_time(reply);
    Ok(server.map(|server| ClockReading { before, server, after }).into())
}

fn read_high_water(facts: &mut StoreFacts, names: &Names, slot: Slot, high_water: Reply) {
    let high_water = if high_water.is_wrong_type() {
        Err(steps::not_a_string(names.high_water(slot).into_owned(), OTHER_TYPE).into())
    } else {
        steps::parse_high_water(names, slot, high_water)
    };
    facts.high_water = fact_or_foreign(high_water, &mut facts.occupied_names);
}

fn read_generation(facts: &mut StoreFacts, names: &Names, seen: &Sighting, generation: Reply) {
    let newest = facts.high_water.known().copied().unwrap_or_default();
    let generation = parse_generation(names, generation, newest)
        .map(|generation| generation.map(|generation| seen.beside(generation, names.home())));
    facts.generation = fact_or_foreign(generation, &mut facts.occupied_names);
}

/// Returns why the server answered nothing at all, as when it asks for a password first.
fn why_silent(facts: &StoreFacts) -> Option<&str> {
    let why = facts.clock.why_unknown()?;
    facts.server.why_unknown()?;
    if facts.generation != Fact::None {
        facts.generation.why_unknown()?;
    }
    facts.high_water.why_unknown()?;
    Some(why)
}

/// Returns the commands of an inspection. INFO answers nearly everything, also where CONFIG is
/// refused.
fn questions(server: &Server, slot: Slot) -> Packed {
    let names = server.names();
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
    ask(&["GET", &names.high_water(slot)]);
    if slot == names.home() {
        ask(&["GET", names.generation()]);
    }
    if server.fails_over() {
        ask(&["CONFIG", "GET", "min-replicas-to-write"]);
    }
    if server.cluster().is_some() {
        ask(&["CLUSTER", "NODES"]);
        ask(&["CONFIG", "GET", "cluster-require-full-coverage"]);
    }
    questions
}

/// The words for a type of which a GET returns only that it is another.
const OTHER_TYPE: &str = "value of another type";

fn parse_generation(
    names: &Names,
    reply: Reply,
    high_water: ClaimSeq,
) -> Result<Option<Generation>, BoxError> {
    if reply.is_wrong_type() {
        return Err(steps::not_a_string(names.generation().to_owned(), OTHER_TYPE).into());
    }
    let Some(value) = reply.into_text()? else {
        return Ok(None);
    };
    match steps::parse_generation(value.clone(), high_water) {
        Ok(generation) if !generation.store_id.is_empty() => Ok(Some(generation)),
        _ => Err(steps::not_an_id(names, &value).into()),
    }
}

/// Returns the answer as a fact. A foreign value in the place is added to `found` instead.
fn fact_or_foreign<T>(answer: Result<T, BoxError>, found: &mut Vec<Foreign>) -> Fact<T> {
    match answer {
        Ok(answer) => Fact::Known(answer),
        Err(why) => match why.downcast::<Foreign>() {
            Ok(foreign) => {
                found.push(*foreign);
                Fact::None
            }
            Err(why) => Fact::Unknown(why.to_string()),
        },
    }
}

/// Returns the value from the reply to a CONFIG GET of one name: the name and the value.
fn setting(reply: Reply) -> Fact<String> {
    let value = reply.into_array().and_then(|items| match items.into_iter().nth(1) {
        Some(value) => Ok(value.into_text()?.ok_or(Unexpected)?),
        None => Err("the server does not know this setting".into()),
    });
    value.map(|value| String::from_utf8_lossy(&value).into_owned()).into()
}

fn number(reply: Reply) -> Fact<u64> {
    match setting(reply) {
        Fact::Known(text) => text.parse::<u64>().into(),
        Fact::Unknown(why) => Fact::Unknown(why),
        Fact::None => Fact::None,
    }
}
