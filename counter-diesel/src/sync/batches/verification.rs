use std::time::Duration;

/// The least time that a store has for its answer, however few claims it is asked for: a busy
/// server, or one that is far away.
const SHORTEST: Duration = Duration::from_millis(500);

/// The time that it has for each claim in addition. Looking one up takes Redis about 2
/// microseconds, and a busy one some times that.
const FOR_EACH: Duration = Duration::from_micros(50);

/// The most time that it has. The rows of the claims are locked meanwhile, and others wait 5
/// seconds for them: for this, the upsert before and the commit after it.
const LONGEST: Duration = Duration::from_secs(1);

/// Returns how long a store may take to say whether so many claims are still what it holds.
pub(crate) fn verify_within(claims: usize) -> Duration {
    let claims = u32::try_from(claims).unwrap_or(u32::MAX);
    SHORTEST.saturating_add(FOR_EACH.saturating_mul(claims)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_gets_more_time_for_more_claims_up_to_a_second() {
        let millis = Duration::from_millis;
        assert_eq!(verify_within(0), millis(500));
        assert_eq!(verify_within(1_000), millis(550));
        assert_eq!(verify_within(10_000), millis(1_000));
        assert_eq!(verify_within(usize::MAX), millis(1_000));
    }
}
