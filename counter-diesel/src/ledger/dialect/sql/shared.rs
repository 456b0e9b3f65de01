//! The members of a dialect that are equal on every database. They are a macro because Diesel's
//! bounds on loading a row hold for a connection that is known, and cannot be asked of every one.

/// The bodies that stand once, for use inside of `impl Dialect for ...`.
macro_rules! shared_members {
    ($now:expr) => {
        fn update(&mut self, tables: &Tables, claim: &Claim) -> QueryResult<usize> {
            standard::update(tables, claim, $now)?.execute(self)
        }

        fn delete(&mut self, tables: &Tables, id: &CounterId, seq: ClaimSeq) -> QueryResult<usize> {
            standard::delete(tables, id, seq)?.execute(self)
        }

        fn buckets_between(
            &mut self,
            tables: &Tables,
            first: &CounterId,
            last: &CounterId,
        ) -> QueryResult<Vec<(chrono::NaiveDateTime, i64, i64)>> {
            let is_named = self.may_name_statements();
            standard::buckets_between(tables, first, last)?.named(is_named).load(self)
        }

        fn rows_of(
            &mut self,
            tables: &Tables,
            owner: &Owner,
        ) -> QueryResult<Vec<(String, Baseline)>> {
            let is_named = self.may_name_statements();
            let rows = standard::rows_of(tables, owner)?.named(is_named).load(self)?;
            Ok(standard::rows_with_keys(rows))
        }

        fn top(
            &mut self,
            tables: &Tables,
            owner_type: &OwnerType,
            key: &CounterKey,
            buckets: Option<&[$crate::ledger::dialect::period::BucketRange]>,
            limit: i64,
        ) -> QueryResult<Vec<OwnerId>> {
            let is_named = self.may_name_statements();
            let top = match buckets {
                None => highest::top(tables, owner_type, key, limit),
                Some(buckets) => highest::top_in(tables, owner_type, key, buckets, limit),
            };
            let top = top.named(is_named);
            let ids = top.load::<(i64, String)>(self)?;
            ids.into_iter().map(read_owner).collect()
        }

        fn state(
            &mut self,
            tables: &Tables,
            prefix: &str,
        ) -> QueryResult<Vec<(StateRow, ClaimSeq)>> {
            let rows = standard::state(tables, prefix).load(self)?;
            Ok(standard::state_rows(rows))
        }

        fn prefixes(
            &mut self,
            tables: &Tables,
        ) -> QueryResult<Vec<(String, Option<chrono::NaiveDateTime>)>> {
            standard::prefixes(tables).load(self)
        }

        fn forget_passes(
            &mut self,
            tables: &Tables,
            prefix: &str,
            store_id: &str,
        ) -> QueryResult<()> {
            standard::forget_passes(tables, prefix, store_id).execute(self)?;
            Ok(())
        }

        fn recorded(
            &mut self,
            tables: &Tables,
            prefix: &str,
            store_id: &str,
        ) -> QueryResult<Vec<RecordRow>> {
            standard::recorded(tables, prefix, store_id).load(self)
        }

        fn recorded_by(
            &mut self,
            tables: &Tables,
            prefix: &str,
            store_id: &str,
            writers: &[(i64, i64)],
        ) -> QueryResult<Vec<RecordRow>> {
            standard::recorded_by(tables, prefix, store_id, writers).load(self)
        }

        fn record_rows(
            &mut self,
            tables: &Tables,
            prefix: &str,
            store_id: &str,
            writer: Option<i64>,
        ) -> QueryResult<Vec<RecordRow>> {
            let rows = standard::record_rows(tables, prefix, store_id, writer);
            rows.sql(Self::LOCK_ROW).load(self)
        }

        fn replace_identity(
            &mut self,
            tables: &Tables,
            prefix: &str,
            store_id: &str,
            identity: &str,
        ) -> QueryResult<()> {
            standard::replace_identity(tables, (prefix, store_id), identity).execute(self)?;
            Ok(())
        }

        fn numbers(
            &mut self,
            tables: &Tables,
        ) -> QueryResult<Vec<$crate::ledger::dialect::numbers::NumberUse>> {
            Ok(numbers::uses(numbers::all(tables, $now).load(self)?))
        }

        fn lock_number(
            &mut self,
            tables: &Tables,
            number: StoreNumber,
        ) -> QueryResult<Option<NumberRow>> {
            Ok(numbers::row(numbers::one(tables, number, Self::LOCK_ROW).load(self)?))
        }

        fn lock_free_number(
            &mut self,
            tables: &Tables,
            number: StoreNumber,
        ) -> QueryResult<Option<NumberRow>> {
            Ok(numbers::row(numbers::one(tables, number, Self::LOCK_FREE_ROW).load(self)?))
        }

        fn insert_number(
            &mut self,
            tables: &Tables,
            number: StoreNumber,
            row: NumberRow,
        ) -> QueryResult<usize> {
            numbers::insert(tables, number, row, $now).execute(self)
        }

        fn update_number(
            &mut self,
            tables: &Tables,
            number: StoreNumber,
            locked: NumberRow,
            row: NumberRow,
        ) -> QueryResult<usize> {
            numbers::update(tables, number, (locked, row), $now).execute(self)
        }

        fn newest_recorded(&mut self, tables: &Tables) -> QueryResult<ClaimSeq> {
            let newest = numbers::newest(tables).load::<Option<i64>>(self)?;
            Ok(ClaimSeq::new(newest.into_iter().flatten().next().unwrap_or_default()))
        }

        fn shared_record(
            &mut self,
            tables: &Tables,
        ) -> QueryResult<$crate::ledger::dialect::numbers::SharedRecord> {
            let rows = numbers::shared(tables, $now).load(self)?;
            Ok(numbers::shared_record(standard::only_value(rows)?))
        }

        fn run_migrations(&mut self, tables: &Tables) -> QueryResult<Vec<String>> {
            standard::run_migrations(tables).load(self)
        }

        fn record_migration(&mut self, tables: &Tables, name: &str) -> QueryResult<()> {
            standard::record_migration(tables, name).execute(self)?;
            Ok(())
        }

        fn forget_migration(&mut self, tables: &Tables, name: &str) -> QueryResult<()> {
            standard::forget_migration(tables, name).execute(self)?;
            Ok(())
        }
    };
}
pub(crate) use shared_members;

/// The bodies that are equal on the databases that know `ON CONFLICT`, for use inside of
/// `impl Dialect for ...`. `$greatest` is the function that returns the greatest of its arguments.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
macro_rules! on_conflict_members {
    ($now:expr, $greatest:expr) => {
        fn baselines(
            &mut self,
            tables: &Tables,
            ids: &[CounterId],
        ) -> QueryResult<Vec<Option<Baseline>>> {
            let is_named = self.may_name_statements();
            Ok(match ids {
                [] => Vec::new(),
                [id] => {
                    let row = standard::one_baseline(tables, id)?.named(is_named).load(self)?;
                    standard::only(row)
                }
                ids => {
                    let rows = many_baselines(tables, ids)?.named(is_named).load(self)?;
                    standard::in_order(ids.len(), rows)
                }
            })
        }

        fn record(&mut self, tables: &Tables, rows: &[StateRow]) -> QueryResult<()> {
            let record = standard::record(tables, rows, $now);
            let record = record.sql(on_conflict::replace_state(tables, $greatest));
            standard::are_recorded(rows, record.execute(self)?)
        }
    };
}
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(crate) use on_conflict_members;
