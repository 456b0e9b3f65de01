use super::named::{Known, Named, Worth};
use super::sentinel::Sentinel;
use super::url::SentinelUrl;
use crate::redis::connection::clients::Clients;

/// The sentinels that a URL names.
pub(super) struct Sentinels {
    all: Vec<Sentinel>,
    master_name: String,
    /// The index of the one that is asked first the next time. Each is in its turn, so that one
    /// that was cut off from the others is not the only one that is heard.
    next: usize,
}

/// The answer of one sentinel.
#[derive(Debug)]
pub(crate) struct SentinelAnswer {
    pub(crate) sentinel: String,
    /// The master that it names, or why it names none.
    pub(crate) named: Result<Named, String>,
}

/// Why the master that is followed may not be the master any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Dispute {
    /// A sentinel names another one.
    Newer(Named),
    /// A sentinel is putting another in its place.
    BeingReplaced,
    /// The sentinel at this address used to answer, and does not answer now.
    Silent(String),
}

impl Sentinels {
    pub(super) fn new(url: &SentinelUrl, clients: &Clients) -> Result<Self, String> {
        let all = url.sentinels().map(|info| Ok(Sentinel::new(clients.client(info?)?)));
        let all = all.collect::<Result<_, String>>()?;
        Ok(Self { all, master_name: url.master_name().to_owned(), next: 0 })
    }

    /// Asks the sentinels in turn who the master is, until one of them can be believed. Where
    /// nothing is known, that is the first one that answers.
    ///
    /// # Errors
    ///
    /// The answers of the sentinels, if none names a master that may be the present one.
    pub(super) fn ask(&mut self, known: Option<&Known>) -> Result<Named, String> {
        let mut best: Option<Named> = None;
        let mut failures = Vec::new();
        for index in self.order() {
            let Some(sentinel) = self.all.get_mut(index) else { break };
            let answer = sentinel.ask(&self.master_name).map(|it| (Known::worth(known, &it), it));
            let failure = match answer {
                Ok((Worth::Enough, named)) => return Ok(named),
                Ok((Worth::NotAlone, named)) => {
                    if best.as_ref().is_none_or(|best| Known::prefers(known, &named, best)) {
                        best = Some(named);
                    }
                    continue;
                }
                Ok((Worth::Nothing, named)) => {
                    format!("it names an earlier master, {}", named.address)
                }
                Err(why) => why,
            };
            failures.push((index, format!("{}: {failure}", sentinel.address())));
        }
        best.ok_or_else(|| {
            // In the order of the URL, so that the same failures have the same words.
            failures.sort();
            failures.into_iter().map(|(_, failure)| failure).collect::<Vec<_>>().join("; ")
        })
    }

    /// Returns in which order they are asked: those that rest last.
    fn order(&mut self) -> Vec<usize> {
        let first = self.next;
        self.next = (first + 1) % self.all.len().max(1);
        let mut order: Vec<_> = (first..self.all.len()).chain(0..first).collect();
        order.sort_by_key(|index| self.all.get(*index).is_none_or(Sentinel::rests));
        order
    }

    /// Returns whether a sentinel names a later master than this one, or may be about to. Of three,
    /// the one that conducts a failover knows of it a second before the others, and from its
    /// beginning on. It has more to do than the others, so its silence does not confirm the master.
    pub(super) fn dispute(&mut self, followed: &Named) -> Option<Dispute> {
        let (mut newer, mut is_being_replaced, mut silent) = (None::<Named>, false, None);
        for sentinel in self.all.iter_mut().filter(|sentinel| !sentinel.rests()) {
            match sentinel.ask_patiently(&self.master_name) {
                Ok(named) => {
                    is_being_replaced |= named.is_being_replaced;
                    let is_best = newer.as_ref().is_none_or(|newer| named.epoch > newer.epoch);
                    if is_best && named.may_come_after(followed) {
                        newer = Some(named);
                    }
                }
                Err(_) if sentinel.may_be_slow() => silent = Some(sentinel.address()),
                Err(_) => {}
            }
        }
        let replaced = is_being_replaced.then_some(Dispute::BeingReplaced);
        newer.map(Dispute::Newer).or(replaced).or(silent.map(Dispute::Silent))
    }

    /// Asks each sentinel.
    pub(super) fn ask_each(&mut self) -> Vec<SentinelAnswer> {
        let ask = |sentinel: &mut Sentinel| SentinelAnswer {
            named: sentinel.ask(&self.master_name),
            sentinel: sentinel.address(),
        };
        self.all.iter_mut().map(ask).collect()
    }
}
