//! What a user may do, found out without doing it.

use crate::error::BoxError;
use crate::redis::confirmation::Confirmation;
use crate::redis::connection::lease::Lease;
use crate::redis::connection::packed::Packed;
use crate::redis::connection::reply::{Reply, Unexpected};
use crate::redis::steps::script::RIGHTS;
use crate::redis::store::RedisStore;
use crate::store::Fact;

impl RedisStore {
    /// By no number: a server refuses that last, when nothing else is in the way of an increment.
    pub(crate) fn try_increment(&self, lease: &mut Lease) -> Result<Fact<()>, BoxError> {
        let mut command = Packed::default();
        command.command(3, |args| {
            args.text("INCRBY").text(self.names().high_water()).text("?");
        });
        let reply = self.ask(lease, &command)?;
        Ok(match reply.is_no_integer() {
            true => Fact::Known(()),
            false => Fact::Unknown(reply.into_error().to_string()),
        })
    }

    /// The server is asked from within a script, for it tells that of each user there.
    pub(crate) fn ask_refused(&self, lease: &mut Lease) -> Result<Fact<Vec<String>>, BoxError> {
        let waits_by = self.confirmation().map(Confirmation::command_name);
        let mut call = Packed::default();
        RIGHTS.call(&mut call, 1, waits_by.iter().len(), |args| {
            args.text(self.names().high_water());
            waits_by.iter().for_each(|name| {
                args.text(name);
            });
        });
        let reply = self.run(&RIGHTS, lease, &call)?.pop();
        Ok(parse_names(reply.unwrap_or(Reply::Other)).into())
    }
}

fn parse_names(reply: Reply) -> Result<Vec<String>, BoxError> {
    let names = reply.into_array()?.into_iter().map(|name| {
        let name = name.into_text()?.ok_or(Unexpected)?;
        Ok(String::from_utf8_lossy(&name).into_owned())
    });
    names.collect()
}
