use std::sync::LazyLock;

use crate::error::BoxError;
use crate::id::canonical_i64;
use crate::protocol::ClaimSeq;
use crate::redis::connection::deadline::Deadline;
use crate::redis::connection::lease::{Broken, Lease};
use crate::redis::connection::packed::{Args, Packed};
use crate::redis::connection::reply::{Reply, Unexpected};

/// A step that happens at one instant on the server.
pub(crate) struct Script {
    text: &'static str,
    hash: String,
}

pub(crate) static CLAIM: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("count.lua"),
        include_str!("sequence.lua"),
        include_str!("claim.lua")
    ))
});

pub(crate) static REPLACE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("count.lua"),
        include_str!("sequence.lua"),
        include_str!("replace.lua")
    ))
});

pub(crate) static GENERATION: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("count.lua"),
        include_str!("sequence.lua"),
        include_str!("generation.lua")
    ))
});

pub(crate) static RENUMBER: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("count.lua"),
        include_str!("sequence.lua"),
        include_str!("renumber.lua")
    ))
});

pub(crate) static RAISE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("count.lua"),
        include_str!("sequence.lua"),
        include_str!("raise.lua")
    ))
});

pub(crate) static DISCARD: LazyLock<Script> =
    LazyLock::new(|| Script::new(concat!(include_str!("count.lua"), include_str!("discard.lua"))));

pub(crate) static ACK: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("ack.lua")));

pub(crate) static RIGHTS: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../inspect/rights.lua")));

impl Script {
    fn new(text: &'static str) -> Self {
        let hash = ::redis::Script::new(text).get_hash().to_owned();
        Self { text, hash }
    }

    /// Adds a call with this many names and other arguments, which `write` has to write in this order.
    pub(crate) fn call(
        &self,
        calls: &mut Packed,
        names: usize,
        others: usize,
        write: impl FnOnce(&mut Args<'_>),
    ) {
        calls.command(3 + names + others, |args| {
            let number_of_names = i64::try_from(names).unwrap_or(i64::MAX);
            args.text("EVALSHA").text(&self.hash).int(number_of_names);
            write(args);
        });
    }

    /// Makes calls of this script in one round trip, or in two where the server does not have it.
    ///
    /// A call that is answered with NOSCRIPT was not carried out, so those can be repeated.
    pub(crate) fn run(
        &self,
        lease: &mut Lease,
        calls: &Packed,
        deadline: Deadline,
    ) -> Result<Vec<Reply>, Broken> {
        let mut replies = lease.ask_all(calls, deadline)?;
        if !replies.iter().any(Reply::is_no_script) {
            return Ok(replies);
        }
        let mut repeated = self.load_and_repeat(lease, calls, &replies, deadline)?.into_iter();
        for reply in replies.iter_mut().filter(|reply| reply.is_no_script()) {
            *reply = repeated.next().unwrap_or(Reply::Other);
        }
        Ok(replies)
    }

    /// New replies to the calls whose reply was NOSCRIPT.
    fn load_and_repeat(
        &self,
        lease: &mut Lease,
        calls: &Packed,
        replies: &[Reply],
        deadline: Deadline,
    ) -> Result<Vec<Reply>, Broken> {
        let mut again = Packed::default();
        again.command(3, |args| {
            args.text("SCRIPT").text("LOAD").text(self.text);
        });
        for (index, _) in replies.iter().enumerate().filter(|(_, reply)| reply.is_no_script()) {
            again.copy(calls.command_at(index));
        }
        let mut repeated = lease.ask_all(&again, deadline)?;
        // Loading is answered first. If it was refused, that says more than NOSCRIPT once more.
        if let Reply::Refused(refused) = repeated.remove(0) {
            repeated.fill_with(|| Reply::Refused(refused.clone()));
        }
        Ok(repeated)
    }
}

/// What the scripts answer, all in one form: a word, a text that goes with it, and the rest.
pub(crate) struct Answer {
    pub(crate) word: Vec<u8>,
    pub(crate) text: Vec<u8>,
    pub(crate) rest: std::vec::IntoIter<Reply>,
}

impl Answer {
    pub(crate) fn read(reply: Reply) -> Result<Self, BoxError> {
        let mut items = reply.into_array()?.into_iter();
        let (Some(Reply::Text(word)), Some(Reply::Text(text))) = (items.next(), items.next())
        else {
            return Err(Unexpected.into());
        };
        Ok(Self { word, text, rest: items })
    }

    /// The text as the sequence that it is.
    pub(crate) fn sequence(&self) -> Result<ClaimSeq, BoxError> {
        sequence(&self.text).ok_or_else(|| Unexpected.into())
    }
}

/// The greatest high water from which a script goes on: `GREATEST_HIGH_WATER` in sequence.lua.
pub(crate) const GREATEST_HIGH_WATER: ClaimSeq = ClaimSeq::new(9_007_199_254_000_000);

/// The sequence that a text stands for.
pub(crate) fn sequence(text: &[u8]) -> Option<ClaimSeq> {
    let number = canonical_i64(str::from_utf8(text).ok()?)?;
    (number >= 0).then(|| ClaimSeq::new(number))
}
