use crate::has_counters::HasCounters;

/// A model whose table Diesel knows: where the ids of its instances are in a query.
///
/// `#[derive(HasCounters)]` implements it for a struct with `#[diesel(table_name = ...)]`, as the column of its
/// primary key. The column holds what [`counter_owner_id`](HasCounters::counter_owner_id) returns: a key with a
/// [`ToOwnerId`](crate::ToOwnerId) of its own that makes another number of it cannot be used in queries.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say in which table its rows are",
    label = "no column is known that holds the ids of `{Self}`",
    note = "add `#[diesel(table_name = ...)]` to the struct beside `#[derive(HasCounters)]`, or name the column: \
            `counter_value_of(posts::id, key)`"
)]
pub trait OwnerColumn: HasCounters {
    /// The column of the primary key.
    type Column;

    /// The same, as a value.
    const COLUMN: Self::Column;
}
