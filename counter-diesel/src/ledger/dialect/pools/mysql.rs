use diesel::MysqlConnection;
use diesel::r2d2::{ConnectionManager, Pool};

use super::open;
use crate::error::{BuildProblem, Error};

/// A pool of connections to MySQL or MariaDB, as counters in web requests want it: it waits for a
/// connection at most 1 second. `max_size` is the most connections there are at a time; as many as
/// that are made at once. For those, a server that is busy has 5 seconds.
///
/// ```no_run
/// let pool = counter_diesel::mysql_pool("mysql://app@localhost/app", 8)?;
/// # Ok::<(), counter_diesel::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Unreachable`] if the server cannot be reached or refuses, [`Error::Build`] if the URL
/// is of another kind of database. The password is not in it.
pub fn mysql_pool(
    url: &str,
    max_size: u32,
) -> Result<Pool<ConnectionManager<MysqlConnection>>, Error> {
    if open::scheme(url) != Some("mysql") {
        return Err(Error::Build(BuildProblem::MysqlUrl));
    }
    open::open(url, max_size, |pool| pool)
}
