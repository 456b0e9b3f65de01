use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use r2d2::{ManageConnection, PooledConnection};

use super::ended::Endable;
use crate::error::BoxError;
use crate::redact;

/// A pool of the application's, which drops a connection only if the other side has ended it.
///
/// To drop one that failed, an ended one is put in its place. That takes file descriptors, of which
/// there may be none for a moment. So one ended connection is kept in reserve, and what still
/// cannot be dropped waits for the next checkout.
pub(super) struct ApplicationsPool<M: ManageConnection> {
    pool: r2d2::Pool<M>,
    reserve: Mutex<Option<M::Connection>>,
    failed: Mutex<Vec<PooledConnection<M>>>,
}

impl<M: ManageConnection> ApplicationsPool<M>
where
    M::Connection: Endable,
{
    pub(super) fn new(pool: r2d2::Pool<M>) -> Self {
        let reserve = Mutex::new(M::Connection::ended().ok());
        Self { pool, reserve, failed: Mutex::default() }
    }

    pub(super) fn size(&self) -> u32 {
        self.pool.max_size()
    }

    /// Takes a connection out of the pool, for which it waits at most `wait`.
    pub(super) fn get(&self, wait: Duration) -> Result<PooledConnection<M>, BoxError> {
        // Where another thread has the list, that one does it.
        if let Ok(mut failed) = self.failed.try_lock() {
            self.drop_all(&mut failed);
        }
        // Only the application knows the password of its pool.
        self.pool.get_timeout(wait).map_err(|error| redact::arguments(error.into()))
    }

    /// Makes the pool drop a connection, now or before the next one is taken out.
    pub(super) fn discard(&self, connection: PooledConnection<M>) {
        let mut failed = lock(&self.failed);
        failed.push(connection);
        self.drop_all(&mut failed);
    }

    fn drop_all(&self, failed: &mut Vec<PooledConnection<M>>) {
        while let Some(mut connection) = failed.pop() {
            let reserve = lock(&self.reserve).take();
            let Some(ended) = reserve.or_else(|| M::Connection::ended().ok()) else {
                failed.push(connection);
                return;
            };
            // Closes the failed one, which frees its descriptor.
            *connection = ended;
            drop(connection);
            *lock(&self.reserve) = M::Connection::ended().ok();
        }
    }
}

/// The store may end before the application's pool.
impl<M: ManageConnection> Drop for ApplicationsPool<M> {
    fn drop(&mut self) {
        // A pool that is smaller by one harms less than a connection that gives one caller the
        // reply of another.
        lock(&self.failed).drain(..).for_each(mem::forget);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
