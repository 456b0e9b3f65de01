//! Counters by the table that has their rows, in the order in which every transaction locks rows:
//! totals first, then buckets, each in the order of [`CounterId`].

use std::borrow::Cow;

use chrono::NaiveDateTime;
use counter_core::{Baseline, ClaimSeq, CounterId, Period};
use diesel::result::QueryResult;

use crate::ledger::dialect::connection::CounterConnection;
use crate::ledger::dialect::tables::Tables;

/// Those of some items that are about one table, and their places among all.
pub(crate) struct Part<'a, T: Clone> {
    pub(crate) items: Cow<'a, [T]>,
    /// `None` if these are all.
    places: Option<Vec<usize>>,
}

impl<T: Clone> Part<'_, T> {
    /// Returns the place among all items that one of this part has.
    pub(crate) fn place(&self, of: usize) -> usize {
        self.places.as_ref().map_or(of, |places| places.get(of).copied().unwrap_or(usize::MAX))
    }
}

/// Returns the parts of these items. There are two only where totals and buckets are among them.
pub(crate) fn parts<'a, T: Clone>(
    items: &'a [T],
    id_of: impl Fn(&T) -> &CounterId,
) -> Vec<Part<'a, T>> {
    let is_bucket = |item: &T| id_of(item).period().is_some();
    let first = items.first().is_some_and(is_bucket);
    if items.iter().all(|item| is_bucket(item) == first) {
        return vec![Part { items: Cow::Borrowed(items), places: None }];
    }
    let of_table = |bucket: bool| {
        let chosen = items.iter().enumerate().filter(|(_, item)| is_bucket(item) == bucket);
        let (places, items) = chosen.map(|(place, item)| (place, item.clone())).unzip();
        Part { items: Cow::Owned(items), places: Some(places) }
    };
    vec![of_table(false), of_table(true)]
}

/// Reads the rows of counters of any table, in the order asked.
pub(crate) fn baselines<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
    ids: &[CounterId],
) -> QueryResult<Vec<Option<Baseline>>> {
    each(ids, |ids| match run_of(ids) {
        Some(run) => Ok(run.in_order(conn.buckets_between(tables, run.first, run.last)?)),
        None => conn.baselines(tables, ids),
    })
}

/// Consecutive buckets of one counter, whose rows are one range of the table.
struct Run<'a> {
    ids: &'a [CounterId],
    first: &'a CounterId,
    last: &'a CounterId,
}

/// Returns these counters as a run, if they form one that is long enough.
fn run_of(ids: &[CounterId]) -> Option<Run<'_>> {
    const SHORTEST: usize = 4;
    let ([first, .., last], true) = (ids, ids.len() >= SHORTEST) else { return None };
    let (total, _) = first.as_str().rsplit_once('@')?;
    let with_mark = first.as_str().get(..=total.len())?;
    // Labels of one grain have one length, so texts as long that begin so have the same total.
    let is_of_counter = |id: &CounterId| {
        id.as_str().len() == first.as_str().len() && id.as_str().starts_with(with_mark)
    };
    let mut next = first.period();
    let is_next = |id: &CounterId| {
        let is_next = next.is_some() && next == id.period() && is_of_counter(id);
        next = next.map(Period::next);
        is_next
    };
    ids.iter().all(is_next).then_some(Run { ids, first, last })
}

impl Run<'_> {
    /// Puts rows, ordered by their starts, into the places of their counters. Skips a row that
    /// begins within a period, because it belongs to no counter.
    fn in_order(&self, rows: Vec<(NaiveDateTime, i64, i64)>) -> Vec<Option<Baseline>> {
        let mut rows = rows.into_iter().peekable();
        let row_of = |id: &CounterId| {
            let starts_at = id.period()?.start();
            while rows.next_if(|(start, ..)| *start < starts_at).is_some() {}
            let (_, count, seq) = rows.next_if(|(start, ..)| *start == starts_at)?;
            Some(Baseline { count, seq: ClaimSeq::new(seq) })
        };
        self.ids.iter().map(row_of).collect()
    }
}

/// Like [`baselines`], in a transaction that may have an older snapshot: returns the rows as they
/// are now.
pub(crate) fn current_rows<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
    ids: &[CounterId],
) -> QueryResult<Vec<Option<Baseline>>> {
    each(ids, |ids| conn.current_rows(tables, ids))
}

/// Locks the rows that no other transaction has locked, and returns their places. `None` where
/// single rows cannot be locked.
pub(crate) fn lock_rows<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
    ids: &[CounterId],
) -> QueryResult<Option<Vec<usize>>> {
    let mut locked = Vec::new();
    for part in parts(ids, |id| id) {
        let Some(places) = conn.lock_rows(tables, &part.items)? else { return Ok(None) };
        locked.extend(places.into_iter().map(|place| part.place(place)));
    }
    Ok(Some(locked))
}

fn each(
    ids: &[CounterId],
    mut read: impl FnMut(&[CounterId]) -> QueryResult<Vec<Option<Baseline>>>,
) -> QueryResult<Vec<Option<Baseline>>> {
    let mut rows = vec![None; ids.len()];
    for part in parts(ids, |id| id) {
        for (of, found) in read(&part.items)?.into_iter().enumerate() {
            if let Some(row) = rows.get_mut(part.place(of)) {
                *row = found;
            }
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveDate, TimeDelta};

    use super::*;

    fn counters() -> [CounterId; 4] {
        let total = CounterId::new("post", 1, "views").unwrap();
        let other = CounterId::new("post", 2, "views").unwrap();
        let bucket = |id: &CounterId| id.within(Period::year(2026).unwrap()).unwrap();
        [bucket(&total), total, bucket(&other), other]
    }

    #[test]
    fn totals_come_first_and_each_keeps_its_place() {
        let all = counters();
        let parts = parts(&all, |id| id);
        let found = parts.iter().map(|part| {
            let places = (0..part.items.len()).map(|of| part.place(of));
            let items = part.items.iter().cloned();
            places.zip(items).collect::<Vec<_>>()
        });
        let [a, b, c, d] = all.clone();
        assert_eq!(found.collect::<Vec<_>>(), [vec![(1, b), (3, d)], vec![(0, a), (2, c)]]);
    }

    #[test]
    fn what_is_of_one_table_is_one_part_as_it_is() {
        let [bucket, total, ..] = counters();
        for ids in [vec![], vec![total.clone(), total], vec![bucket.clone(), bucket]] {
            let parts = parts(&ids, |id| id);
            assert!(matches!(&parts[..], [Part { items: Cow::Borrowed(_), places: None }]));
            assert_eq!((parts[0].items.len(), parts[0].place(1)), (ids.len(), 1));
        }
    }

    #[test]
    fn rows_come_in_the_order_asked() {
        let all = counters();
        let row = |id: &CounterId| {
            let count = all.iter().position(|one| one == id).unwrap();
            Some(Baseline { count: i64::try_from(count).unwrap(), ..Baseline::NONE })
        };
        let mut reads = 0;
        let rows = each(&all, |ids| {
            reads += 1;
            Ok(ids.iter().map(row).collect())
        });
        let counts = rows.unwrap().into_iter().flatten().map(|row| row.count);
        assert_eq!((counts.collect::<Vec<_>>(), reads), (vec![0, 1, 2, 3], 2));
    }

    #[test]
    fn buckets_of_one_counter_are_a_run_if_each_is_the_next_of_the_one_before() {
        let total = CounterId::new("post", 1, "views").unwrap();
        let days = |total: &CounterId, days: &[u32]| {
            let day = |day| NaiveDate::from_ymd_opt(2026, 2, day).unwrap();
            let bucket = |of: &u32| total.within(Period::day(day(*of))).unwrap();
            days.iter().map(bucket).collect::<Vec<_>>()
        };
        assert!(run_of(&days(&total, &[1, 2, 3, 4])).is_some());
        let others = ["likes", "view", "viewsx", "views@x"]
            .map(|key| CounterId::new("post", 1, key).unwrap());
        for other in others.iter().chain([&CounterId::new("post", 11, "views").unwrap()]) {
            let ids = [days(&total, &[1, 2, 3]), days(other, &[4])].concat();
            assert!(run_of(&ids).is_none(), "{other}");
        }
        for none in [&[1, 2, 3][..], &[1, 2, 3, 5], &[4, 3, 2, 1], &[1, 1, 2, 3]] {
            assert!(run_of(&days(&total, none)).is_none(), "{none:?}");
        }
        assert!(run_of(&vec![total; 4]).is_none());
    }

    #[test]
    fn rows_of_a_run_are_put_in_the_places_of_their_periods() {
        let total = CounterId::new("post", 1, "views").unwrap();
        let years = (2023..2028).map(|year| Period::year(year).unwrap()).collect::<Vec<_>>();
        let ids = years.iter().map(|year| total.within(*year).unwrap()).collect::<Vec<_>>();
        let within = years[1].start() + TimeDelta::seconds(1);
        let rows = vec![(years[1].start(), 7, 1), (within, 9, 3), (years[3].start(), 8, 2)];
        let places = run_of(&ids).unwrap().in_order(rows);
        let row = |count, seq| Some(Baseline { count, seq: ClaimSeq::new(seq) });
        assert_eq!(places, [None, row(7, 1), None, row(8, 2), None]);
    }
}
