//! Finds out what a user may do without doing it.

use std::sync::LazyLock;

use crate::confirmation::Confirmation;
use crate::error::BoxError;
use crate::names::Slot;
use crate::redis::confirmation_rule::ConfirmationRule;
use crate::redis::connection::{Checkout, Packed, Reply, Script, Unexpected};
use crate::redis::server::Server;
use crate::store::Fact;

static MISSING: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("rights.lua")));

/// A command that a user needs a right to.
struct Right {
    command: &'static str,
    check: Check,
}

/// How an inspection finds out whether the user has a right.
enum Check {
    /// By asking the server about the command with these arguments, where `KEY` is a name of the
    /// store.
    Ask(&'static str),
    /// By asking in the same way, if claims wait by this command.
    AskIfClaimsWait(&'static str),
    /// By asking in the same way, if the store follows a master, or the slot of a cluster.
    AskIfFollowing(&'static str),
    /// By using it: without it there is no store, no increment or no answer at all.
    Use,
    /// Not at all, because a script may not run it. It is used in a cluster only.
    No,
}

/// All commands that a user needs a right to. The guide to operation and the documentation of
/// [`RedisStore`](crate::RedisStore) list them too.
const RIGHTS: [Right; 32] = [
    Right { command: "PING", check: Check::Use },
    Right { command: "INCRBY", check: Check::Use },
    Right { command: "EVALSHA", check: Check::Use },
    Right { command: "SCAN", check: Check::Ask("0") },
    Right { command: "SCRIPT LOAD", check: Check::Ask("text") },
    Right { command: "GET", check: Check::Ask("KEY") },
    Right { command: "MGET", check: Check::Ask("KEY") },
    Right { command: "SET", check: Check::Ask("KEY value") },
    Right { command: "MSET", check: Check::Ask("KEY value") },
    Right { command: "DEL", check: Check::Ask("KEY") },
    Right { command: "EXISTS", check: Check::Ask("KEY") },
    Right { command: "TYPE", check: Check::Ask("KEY") },
    Right { command: "PTTL", check: Check::Ask("KEY") },
    Right { command: "PERSIST", check: Check::Ask("KEY") },
    Right { command: "TIME", check: Check::Ask("") },
    Right { command: "ZADD", check: Check::Ask("KEY 1 text") },
    Right { command: "ZRANGE", check: Check::Ask("KEY 0 0") },
    Right { command: "ZRANGEBYSCORE", check: Check::Ask("KEY 0 1") },
    Right { command: "ZREMRANGEBYRANK", check: Check::Ask("KEY 0 0") },
    Right { command: "ZSCORE", check: Check::Ask("KEY text") },
    Right { command: "HGET", check: Check::Ask("KEY field") },
    Right { command: "HGETALL", check: Check::Ask("KEY") },
    Right { command: "HSET", check: Check::Ask("KEY field text") },
    Right { command: "HLEN", check: Check::Ask("KEY") },
    Right { command: "HSCAN", check: Check::Ask("KEY 0") },
    Right { command: "HMGET", check: Check::Ask("KEY field") },
    Right { command: "HDEL", check: Check::Ask("KEY field") },
    Right { command: "CLUSTER SLOTS", check: Check::No },
    Right { command: "ASKING", check: Check::No },
    Right { command: "ROLE", check: Check::AskIfFollowing("") },
    Right { command: "WAIT", check: Check::AskIfClaimsWait("0 0") },
    Right { command: "WAITAOF", check: Check::AskIfClaimsWait("0 0 0") },
];

impl Right {
    /// Returns the arguments with which the server is asked about the command, unless it is not
    /// asked.
    fn args_to_ask(
        &self,
        confirmation: Option<Confirmation>,
        is_following: bool,
    ) -> Option<&'static str> {
        match self.check {
            Check::Ask(args) => Some(args),
            Check::AskIfFollowing(args) => is_following.then_some(args),
            Check::AskIfClaimsWait(args) => {
                let waits_by = confirmation.map(Confirmation::command_name);
                (waits_by == Some(self.command)).then_some(args)
            }
            Check::Use | Check::No => None,
        }
    }
}

/// Tries an increment by an argument that is no number. A server refuses that argument last, so the
/// reply shows whether anything else is in the way of an increment.
pub(crate) fn try_increment(
    server: &Server,
    checkout: &mut Checkout<'_>,
    slot: Slot,
) -> Result<Fact<Result<(), String>>, BoxError> {
    let mut command = Packed::default();
    command.command(3, |args| {
        args.text("INCRBY").text(&*server.names().high_water(slot)).text("?");
    });
    let reply = server.ask(checkout, &command)?;
    Ok(match reply {
        reply if reply.is_no_integer() => Fact::Known(Ok(())),
        Reply::Refused(refused) => Fact::Known(Err(refused.to_string())),
        _ => Fact::Unknown(Unexpected.to_string()),
    })
}

/// Returns the commands that this user may not run. Asks from within a script, because there a
/// server answers that to each user.
pub(crate) fn missing_rights(
    server: &Server,
    checkout: &mut Checkout<'_>,
    slot: Slot,
    rule: ConfirmationRule,
) -> Result<Fact<Result<Vec<String>, String>>, BoxError> {
    let asked = RIGHTS.iter().filter_map(|right| {
        let args = right.args_to_ask(rule.confirmation(), server.fails_over())?;
        Some((right.command, args))
    });
    let asked: Vec<_> = asked.collect();
    let mut call = Packed::default();
    MISSING.call(&mut call, 1, 2 * asked.len(), |args| {
        args.text(&*server.names().high_water(slot));
        for (command, its_args) in asked {
            args.text(command).text(its_args);
        }
    });
    let reply = server.run(&MISSING, checkout, &call)?.pop();
    Ok(match reply.unwrap_or(Reply::Other) {
        Reply::Refused(refused) => Fact::Known(Err(refused.to_string())),
        reply => Fact::from(parse_names(reply)).map(Ok),
    })
}

fn parse_names(reply: Reply) -> Result<Vec<String>, BoxError> {
    let names = reply.into_array()?.into_iter().map(|name| {
        let name = name.into_text()?.ok_or(Unexpected)?;
        Ok(String::from_utf8_lossy(&name).into_owned())
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Returns what stands in code font in the part of a text between two phrases.
    fn code_between<'a>(text: &'a str, from: &str, to: &str) -> BTreeSet<&'a str> {
        let (_, part) = text.split_once(from).unwrap();
        let (part, _) = part.split_once(to).unwrap();
        part.split('`').skip(1).step_by(2).collect()
    }

    #[test]
    fn the_guide_and_the_documentation_list_the_rights_that_a_user_needs() {
        let needed: BTreeSet<_> = RIGHTS.iter().map(|right| right.command).collect();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let guide = std::fs::read_to_string(root.join("../docs/operating.md")).unwrap();
        assert_eq!(code_between(&guide, "A user with limited rights needs", "The doctor"), needed);
        let docs = include_str!("../store.rs");
        assert_eq!(
            code_between(docs, "for a user with limited rights:", "Nothing is lost"),
            needed
        );
    }
}
