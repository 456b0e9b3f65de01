//! Owners that are gone and have counters still.

use std::fmt;
use std::ops::ControlFlow;
use std::time::Duration;

use counter_core::{CounterKey, OwnerId, OwnerType, TableName, ToOwnerId};
use diesel::result::QueryResult;

use super::counters::Counters;
use super::has_counters::HasCounters;
use crate::error::{Error, LedgerStep};
use crate::sync::owners::orphaned::Orphaned;
use crate::sync::owners::orphans::{OrphanObserver, Present, Search, orphans};

/// How old the last change of an orphan's rows is at least.
const AN_HOUR: Duration = Duration::from_secs(3600);

impl Counters {
    /// Begins a search for instances of a model that have rows in the counters' table and are gone
    /// themselves, which [`Orphans::find`] shows and [`Orphans::delete`] deletes.
    ///
    /// The application says which instances are there, by a query of its own for a thousand ids at
    /// a time. So the model's table may be in another database, an instance that is only marked as
    /// deleted may count as gone, and the query looks ids up by the primary key: no table is joined
    /// with another, and a batch costs the same at the end of a large table as at its beginning.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] {
    /// # use counter_diesel::{Counters, Error, HasCounters, OwnerId};
    /// # use diesel::prelude::*;
    /// # diesel::table! { posts (id) { id -> BigInt, } }
    /// # #[derive(HasCounters)]
    /// # #[counters(keys(views))]
    /// # #[diesel(table_name = posts)]
    /// # struct Post { id: i64 }
    /// # fn tidy(counters: &Counters, conn: &mut diesel::SqliteConnection) -> Result<(), Error> {
    /// let found = counters.orphans::<Post>().find(|ids| {
    ///     let ids = ids.iter().filter_map(OwnerId::as_i64).collect::<Vec<_>>();
    ///     posts::table.filter(posts::id.eq_any(ids)).select(posts::id).load::<i64>(conn)
    /// })?;
    /// println!("{} of {} owners are gone", found.orphans.count(), found.owners);
    /// # Ok(()) }
    /// # }
    /// ```
    pub fn orphans<M: HasCounters>(&self) -> Orphans<'_> {
        Orphans { declared: M::KEYS, ..self.orphans_of(&M::OWNER_TYPE) }
    }

    /// Like [`orphans`](Self::orphans), for owners whose type is only text.
    pub fn orphans_of(&self, owner_type: &OwnerType) -> Orphans<'_> {
        let (owner_type, declared) = (owner_type.clone(), [].as_slice());
        Orphans {
            counters: self,
            owner_type,
            declared,
            older_than: AN_HOUR,
            all_may_be_gone: false,
            observer: None,
        }
    }
}

/// A search for owners that have counters and are gone: see [`Counters::orphans`].
///
/// Owners are found by their rows. One that has never been synced has none yet: what the store
/// holds of it becomes a row with the next sync, and it is found once that is old enough.
#[must_use = "it searches when `find` or `delete` is called"]
pub struct Orphans<'a> {
    counters: &'a Counters,
    owner_type: OwnerType,
    declared: &'static [CounterKey],
    older_than: Duration,
    all_may_be_gone: bool,
    observer: Option<OrphanObserver<'a>>,
}

impl<'a> Orphans<'a> {
    /// Leaves owners alone of which a row has changed within this time, by the database's clock.
    /// Such an owner may belong to a transaction that is not committed yet. Default: an hour.
    pub fn older_than(self, older_than: Duration) -> Self {
        Self { older_than, ..self }
    }

    /// Deletes counters even if none of the owners is there. Otherwise that is taken for a mistake,
    /// such as a wrong table, and is an error.
    pub fn even_if_all_are_gone(self) -> Self {
        Self { all_may_be_gone: true, ..self }
    }

    /// Calls `observer` after each batch of a thousand owners, and after every ten whose counters
    /// were deleted. Returning [`ControlFlow::Break`] ends the search.
    pub fn observed(self, observer: &'a mut dyn FnMut(&Orphaned) -> ControlFlow<()>) -> Self {
        Self { observer: Some(observer), ..self }
    }

    /// Finds them, and changes nothing. `present` returns those of the given ids that are there, in
    /// any order.
    ///
    /// # Errors
    ///
    /// [`Error::Database`] if `present` fails, and what a read of the counters' table fails with.
    pub fn find<K: ToOwnerId>(
        self,
        present: impl FnMut(&[OwnerId]) -> QueryResult<Vec<K>>,
    ) -> Result<Orphaned, Error> {
        self.search(false, &mut as_ids(present))
    }

    /// Finds them, and deletes all counters of each, as [`Counters::delete_all`] does.
    ///
    /// Every owner that `present` does not return loses its counters: look at what
    /// [`find`](Self::find) returns first. It is asked twice, when the owners are found and again
    /// just before their counters are deleted. The names in the store are gone through once for
    /// every 10,000 orphans.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find). What keeps a counter of one orphan from being deleted is in
    /// [`Orphaned::failed`], and the others are deleted; if it happens to 16 orphans in a row, it
    /// is returned. What was deleted before stays deleted, and the same call goes on.
    /// [`Error::AllGone`], before anything is deleted, if none of the owners is there.
    pub fn delete<K: ToOwnerId>(
        self,
        present: impl FnMut(&[OwnerId]) -> QueryResult<Vec<K>>,
    ) -> Result<Orphaned, Error> {
        self.search(true, &mut as_ids(present))
    }

    /// Like [`find`](Self::find), of owners whose ids are in this column of a table of the same
    /// database. The column may hold integers, texts, UUIDs, or the bytes of UUIDs, the most
    /// significant first. Ids are compared as values of its type, so that an index of the column is
    /// used; a column of another type is compared as it is cast to text, which no index helps. The
    /// type may have counters of both kinds of ids: an id that the column cannot hold is not there.
    ///
    /// # Errors
    ///
    /// [`Error::Database`] if the table or the column is not there.
    pub fn find_in(self, table: &TableName, column: &str) -> Result<Orphaned, Error> {
        let ledger = self.counters.engine().ledger();
        self.search(false, &mut |ids| ledger.present_owners(table, column, ids))
    }

    /// Like [`delete`](Self::delete), of owners whose ids are in this column of a table of the same
    /// database.
    ///
    /// # Errors
    ///
    /// As [`find_in`](Self::find_in) and [`delete`](Self::delete).
    pub fn delete_in(self, table: &TableName, column: &str) -> Result<Orphaned, Error> {
        let ledger = self.counters.engine().ledger();
        self.search(true, &mut |ids| ledger.present_owners(table, column, ids))
    }

    fn search(self, deletes: bool, present: Present<'_>) -> Result<Orphaned, Error> {
        let Self { counters, owner_type, declared, older_than, all_may_be_gone, observer } = self;
        let owner_type = &owner_type;
        let search = Search { owner_type, declared, older_than, deletes, all_may_be_gone };
        match observer {
            Some(observer) => orphans(counters.engine(), search, present, observer),
            None => orphans(counters.engine(), search, present, &mut |_| ControlFlow::Continue(())),
        }
    }
}

impl fmt::Debug for Orphans<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Orphans").field("owner_type", &self.owner_type).finish_non_exhaustive()
    }
}

fn as_ids<K: ToOwnerId>(
    mut present: impl FnMut(&[OwnerId]) -> QueryResult<Vec<K>>,
) -> impl FnMut(&[OwnerId]) -> Result<Vec<OwnerId>, Error> {
    move |ids| {
        let present =
            present(ids).map_err(|source| Error::Database { step: LedgerStep::Owners, source })?;
        let ids = present.iter().map(ToOwnerId::to_owner_id);
        Ok(ids.collect::<Result<Vec<_>, _>>()?)
    }
}
