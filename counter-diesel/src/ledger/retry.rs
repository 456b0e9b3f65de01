use std::thread;
use std::time::{Duration, Instant};

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::error::Error;

/// Waits between tries of a transaction that met a deadlock, a lock or a busy file.
const WAITS: [Duration; 4] = [
    Duration::from_millis(5),
    Duration::from_millis(20),
    Duration::from_millis(80),
    Duration::from_millis(200),
];

/// Retries once, unless it met a lock. For the parts of a batch that was not taken, because most of
/// their refusals are permanent, and what is locked is waited for at the end.
pub(crate) fn once_more<T>(mut attempt: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    match attempt() {
        Err(error) if may_pass(&error) && !matches!(error, Error::Locked { .. }) => attempt(),
        done => done,
    }
}

/// An attempt that took longer has waited for a lock, and waiting again would double that. A
/// deadlock is noticed sooner, and the usual time-outs for locks are longer.
const LONG: Duration = Duration::from_secs(2);

/// Tries again, a bounded number of times, what the database refused for a reason that may pass.
///
/// Only for what may be done twice.
pub(crate) fn with_backoff<T>(attempt: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    with_waits(&WAITS, attempt)
}

/// Tries once, and once more after each of these waits.
fn with_waits<T>(
    waits: &[Duration],
    mut attempt: impl FnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    for wait in waits {
        let started = Instant::now();
        match attempt() {
            Err(error) if may_pass(&error) && started.elapsed() < LONG => thread::sleep(*wait),
            done => return done,
        }
    }
    attempt()
}

/// Diesel does not tell a PostgreSQL deadlock, MySQL's lock time-out or a busy SQLite from other
/// errors that it has no name for, so all of those are taken to pass.
pub(crate) fn may_pass(error: &Error) -> bool {
    use DatabaseErrorKind::{
        CheckViolation, ExclusionViolation, ForeignKeyViolation, NotNullViolation,
        ReadOnlyTransaction, RestrictViolation, UniqueViolation,
    };
    let source = match error {
        Error::Database { source, .. } | Error::Migration { source, .. } => source,
        Error::Locked { .. } => return true,
        _ => return false,
    };
    match source {
        DieselError::DatabaseError(kind, _) => !matches!(
            kind,
            CheckViolation
                | ExclusionViolation
                | ForeignKeyViolation
                | NotNullViolation
                | ReadOnlyTransaction
                | RestrictViolation
                | UniqueViolation
        ),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::LedgerStep;

    fn tries_of(source: impl Fn() -> DieselError) -> usize {
        let mut tries = 0;
        let attempt = || {
            tries += 1;
            Err::<(), _>(Error::Database { step: LedgerStep::Upsert, source: source() })
        };
        with_waits(&[Duration::ZERO; 4], attempt).unwrap_err();
        tries
    }

    #[test]
    fn it_is_tried_five_times_within_a_third_of_a_second_by_default() {
        assert_eq!((WAITS.len() + 1, WAITS.iter().sum()), (5, Duration::from_millis(305)));
    }

    #[test]
    fn what_passes_with_time_is_tried_again_and_a_refused_row_is_not() {
        let refused = |kind: fn() -> DatabaseErrorKind| {
            move || DieselError::DatabaseError(kind(), Box::new("refused".to_owned()))
        };
        // A deadlock in PostgreSQL, a lock time-out in both servers, a busy SQLite.
        assert_eq!(tries_of(refused(|| DatabaseErrorKind::Unknown)), 5);
        // A deadlock in MySQL, and what PostgreSQL says above READ COMMITTED.
        assert_eq!(tries_of(refused(|| DatabaseErrorKind::SerializationFailure)), 5);
        assert_eq!(tries_of(refused(|| DatabaseErrorKind::CheckViolation)), 1);
        assert_eq!(tries_of(|| DieselError::NotFound), 1);
    }
}
