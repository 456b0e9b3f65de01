//! Other prefixes that a database knows, because the prefix may have been changed.

use chrono::{NaiveDateTime, TimeDelta, Utc};
use counter_core::Prefix;

use crate::ledger::state::{LedgerState, SyncedPrefix};

/// A prefix that was not synced for longer is in no use any more.
const IN_USE: TimeDelta = TimeDelta::days(30);

/// Returns whether no pass over the prefix has come to a good end.
pub(crate) fn is_new_prefix(state: &LedgerState) -> bool {
    state.recorded.as_ref().is_none_or(|recorded| recorded.synced_at.is_none())
}

/// Returns the prefix that was synced last, if it is another one and was synced within a month.
pub(crate) fn synced_instead(known: &[SyncedPrefix], present: &Prefix) -> Option<SyncedPrefix> {
    let others = known.iter().filter(|other| other.prefix != present.as_str());
    let last = others.max_by_key(|other| other.synced_at)?;
    let is_in_use = last.synced_at.is_some_and(|at| is_within(at, IN_USE));
    is_in_use.then(|| last.clone())
}

/// Returns whether a time is no longer ago than this.
pub(crate) fn is_within(at: NaiveDateTime, time: TimeDelta) -> bool {
    Utc::now().naive_utc().signed_duration_since(at) <= time
}

#[cfg(test)]
mod tests {
    use super::*;

    fn synced(prefix: &str, days_ago: Option<i64>) -> SyncedPrefix {
        let synced_at = days_ago.map(|days| Utc::now().naive_utc() - TimeDelta::days(days));
        SyncedPrefix { prefix: prefix.to_owned(), synced_at }
    }

    #[test]
    fn of_other_prefixes_the_last_is_reported_if_it_is_in_use() {
        let present = Prefix::default();
        let instead = |known: &[_]| synced_instead(known, &present).map(|other| other.prefix);
        assert_eq!(instead(&[]), None);
        assert_eq!(instead(&[synced(present.as_str(), Some(1))]), None);
        assert_eq!(instead(&[synced("a:", None), synced("b:", Some(31))]), None);
        let known = [synced("a:", Some(3)), synced("b:", Some(2)), synced("c:", None)];
        assert_eq!(instead(&known).as_deref(), Some("b:"));
    }
}
