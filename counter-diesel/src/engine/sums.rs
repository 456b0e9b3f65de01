//! Sums of buckets.

use counter_core::{CounterId, Period};

use super::buckets::AT_ONCE;
use super::engine::Engine;
use crate::error::{CoreError, Error};

/// A counter, and the periods whose buckets are added up.
pub(crate) type Group<'a> = (&'a CounterId, Vec<Period>);

/// Returns the sum of all steps of each of these counters. The buckets of a step are in one look
/// and one query, because some may be rolled up into others of them at any time.
pub(crate) fn sums_of_steps(
    engine: &Engine,
    steps: Vec<(&CounterId, Vec<Vec<Period>>)>,
) -> Result<Vec<i64>, Error> {
    let (mut groups, mut sizes) = (Vec::new(), Vec::new());
    for (id, mut periods) in steps {
        if periods.iter().map(Vec::len).sum::<usize>() <= AT_ONCE {
            periods = vec![periods.concat()];
        }
        sizes.push((id, periods.len()));
        groups.extend(periods.into_iter().map(|periods| (id, periods)));
    }
    let mut sums = sums(engine, &groups)?.into_iter().map(i128::from);
    let sum_of = |(id, size): (&CounterId, usize)| {
        let sum = sums.by_ref().take(size).sum::<i128>();
        i64::try_from(sum).map_err(|_| CoreError::Overflow { counter: id.clone() }.into())
    };
    sizes.into_iter().map(sum_of).collect()
}

/// Returns the sum of each of these groups of buckets. Every look is exact at an instant of its
/// own. A group is in one look unless it is too large for one.
pub(crate) fn sums(engine: &Engine, groups: &[Group<'_>]) -> Result<Vec<i64>, Error> {
    let mut sums = Vec::with_capacity(groups.len());
    let mut rest = groups;
    while !rest.is_empty() {
        let (together, after) = rest.split_at(at_once(rest));
        sums.extend(sums_together(engine, together)?);
        rest = after;
    }
    Ok(sums)
}

/// Returns how many of the first groups fit into one look, and at least 1.
fn at_once(groups: &[Group<'_>]) -> usize {
    let mut buckets = 0_usize;
    let fit = groups.iter().take_while(|(_, periods)| {
        buckets = buckets.saturating_add(periods.len());
        buckets <= AT_ONCE
    });
    fit.count().max(1)
}

fn sums_together(engine: &Engine, groups: &[Group<'_>]) -> Result<Vec<i64>, Error> {
    let mut buckets =
        groups.iter().flat_map(|(id, periods)| periods.iter().map(|period| id.within(*period)));
    let mut values = Vec::new();
    loop {
        let ids = buckets.by_ref().take(AT_ONCE).collect::<Result<Vec<_>, _>>()?;
        if ids.is_empty() {
            break;
        }
        values.extend(engine.get_many(ids)?);
    }
    let mut values = values.into_iter().map(i128::from);
    let sum_of = |(id, periods): &Group<'_>| {
        let sum = values.by_ref().take(periods.len()).sum::<i128>();
        i64::try_from(sum).map_err(|_| CoreError::Overflow { counter: (*id).clone() }.into())
    };
    groups.iter().map(sum_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_ends_between_groups_unless_one_is_too_large_for_it() {
        let id = CounterId::new("post", 42, "views").unwrap();
        let day = Period::year(2026).unwrap();
        let groups = |sizes: &[usize]| {
            let groups = sizes.iter().map(|size| (&id, vec![day; *size])).collect::<Vec<_>>();
            at_once(&groups)
        };
        assert_eq!(groups(&[1_500, 500, 1]), 2);
        assert_eq!(groups(&[1_500, 1_500]), 1);
        assert_eq!(groups(&[8_760, 1]), 1);
        assert_eq!(groups(&[0, 0, 2_000]), 3);
    }
}
