use super::checkout::{Checkout, ExchangeError};
use super::deadline::Deadline;
use super::packed::{Args, Packed};
use super::reply::{Reply, Unexpected};
use super::reroute::{IfSplit, Sent};
use crate::error::BoxError;

/// A script that the server carries out at one instant.
pub(crate) struct Script {
    hash: String,
    /// The command that makes the server know it.
    load: Packed,
    /// The last arguments of every call.
    constants: &'static [i64],
}

impl Script {
    pub(crate) fn new(text: &'static str) -> Self {
        Self::with_constants(text, &[])
    }

    /// Returns a script to which every call passes these numbers, as its last arguments.
    pub(crate) fn with_constants(text: &'static str, constants: &'static [i64]) -> Self {
        let hash = ::redis::Script::new(text).get_hash().to_owned();
        let mut load = Packed::default();
        load.command(3, |args| {
            args.text("SCRIPT").text("LOAD").text(text);
        });
        Self { hash, load, constants }
    }

    /// Adds a call with this many names and other arguments, which `write` must write in this
    /// order. The script's constants follow them.
    pub(crate) fn call(
        &self,
        calls: &mut Packed,
        names: usize,
        others: usize,
        write: impl FnOnce(&mut Args<'_>),
    ) {
        calls.command(3 + names + others + self.constants.len(), |args| {
            let number_of_names = i64::try_from(names).unwrap_or(i64::MAX);
            args.text("EVALSHA").text(&self.hash).int(number_of_names);
            write(args);
            for constant in self.constants {
                args.int(*constant);
            }
        });
    }

    /// Makes calls of this script in one round trip, or in two where the server does not have it.
    ///
    /// The server did not carry out a call that it answers with NOSCRIPT, so those can be repeated.
    pub(crate) fn run(
        &self,
        checkout: &mut Checkout<'_>,
        calls: &Packed,
        deadline: Deadline,
    ) -> Result<Vec<Reply>, ExchangeError> {
        self.run_if(checkout, calls, deadline, IfSplit::Wait)
    }

    /// Like [`run`](Self::run), but if the names of a call are not together now, returns the reply
    /// that says so.
    pub(crate) fn run_at_once(
        &self,
        checkout: &mut Checkout<'_>,
        calls: &Packed,
        deadline: Deadline,
    ) -> Result<Vec<Reply>, ExchangeError> {
        self.run_if(checkout, calls, deadline, IfSplit::Leave)
    }

    fn run_if(
        &self,
        checkout: &mut Checkout<'_>,
        calls: &Packed,
        deadline: Deadline,
        if_split: IfSplit,
    ) -> Result<Vec<Reply>, ExchangeError> {
        let sent = Sent { commands: calls, load: Some(&self.load), deadline, if_split };
        let mut replies = checkout.call_all(sent)?;
        if !replies.iter().any(Reply::is_no_script) {
            return Ok(replies);
        }
        let mut rerouted = checkout.rerouted.clone();
        let mut repeated = self.load_and_repeat(checkout, sent, &replies)?.into_iter();
        let is_again = |place: usize| checkout.rerouted.contains(&(1 + place));
        let unknown = replies.iter_mut().enumerate().filter(|(_, reply)| reply.is_no_script());
        for (place, (index, reply)) in unknown.enumerate() {
            *reply = repeated.next().unwrap_or(Reply::Other);
            if is_again(place) {
                rerouted.push(index);
            }
        }
        checkout.rerouted = rerouted;
        Ok(replies)
    }

    /// Returns new replies to the calls whose reply was NOSCRIPT.
    fn load_and_repeat(
        &self,
        checkout: &mut Checkout<'_>,
        sent: Sent<'_>,
        replies: &[Reply],
    ) -> Result<Vec<Reply>, ExchangeError> {
        let mut again = Packed::default();
        again.copy(self.load.bytes());
        for (index, _) in replies.iter().enumerate().filter(|(_, reply)| reply.is_no_script()) {
            again.copy_from(sent.commands, index);
        }
        let mut repeated = checkout.call_all(Sent { commands: &again, ..sent })?;
        // Loading is answered first. If it was refused, that says more than NOSCRIPT once more. A
        // call may have another reply: another process has loaded the script.
        if let Reply::Refused(refused) = repeated.remove(0) {
            for reply in repeated.iter_mut().filter(|reply| reply.is_no_script()) {
                *reply = Reply::Refused(refused.clone());
            }
        }
        Ok(repeated)
    }
}

/// The answer of a script. All have one form: a word, a text that goes with it, and the rest.
pub(crate) struct ScriptAnswer {
    pub(crate) word: Vec<u8>,
    pub(crate) text: Vec<u8>,
    pub(crate) rest: std::vec::IntoIter<Reply>,
}

impl ScriptAnswer {
    pub(crate) fn read(reply: Reply) -> Result<Self, BoxError> {
        let mut items = reply.into_array()?.into_iter();
        let (Some(Reply::Text(word)), Some(Reply::Text(text))) = (items.next(), items.next())
        else {
            return Err(Unexpected.into());
        };
        Ok(Self { word, text, rest: items })
    }
}
