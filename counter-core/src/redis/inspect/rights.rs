//! Finds out what a user may do without doing it.

use std::sync::LazyLock;

use crate::error::BoxError;
use crate::redis::confirmation::Confirmation;
use crate::redis::connection::{Checkout, Packed, Reply, Script, Unexpected};
use crate::redis::server::Server;
use crate::store::Fact;

static RIGHTS: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("rights.lua")));

/// Tries an increment by an argument that is no number. A server refuses that argument last, so this
/// says whether anything else is in the way of an increment.
pub(crate) fn try_increment(
    server: &Server,
    checkout: &mut Checkout,
) -> Result<Fact<Result<(), String>>, BoxError> {
    let mut command = Packed::default();
    command.command(3, |args| {
        args.text("INCRBY").text(server.names().high_water()).text("?");
    });
    let reply = server.ask(checkout, &command)?;
    Ok(match reply {
        reply if reply.is_no_integer() => Fact::Known(Ok(())),
        Reply::Refused(refused) => Fact::Known(Err(refused.to_string())),
        _ => Fact::Unknown(Unexpected.to_string()),
    })
}

/// Returns the commands that this user may not run. Asks from within a script, because there a server
/// answers that to each user.
pub(crate) fn missing_rights(
    server: &Server,
    checkout: &mut Checkout,
    confirmation: Option<Confirmation>,
) -> Result<Fact<Result<Vec<String>, String>>, BoxError> {
    let waits_by = confirmation.map(Confirmation::command_name);
    let mut call = Packed::default();
    RIGHTS.call(&mut call, 1, waits_by.iter().len(), |args| {
        args.text(server.names().high_water());
        waits_by.iter().for_each(|name| {
            args.text(name);
        });
    });
    let reply = server.run(&RIGHTS, checkout, &call)?.pop();
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
