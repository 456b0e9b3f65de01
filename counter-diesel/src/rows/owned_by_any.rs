//! The rows of some owners, in a query.

use counter_core::{Invalid, OwnerId};
use diesel::backend::Backend;
use diesel::dsl::{And, Eq, EqAny};
use diesel::expression::is_aggregate::No;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::Bool;

use crate::ledger::dialect::owner::OwnerColumns;
use crate::rows::schema::model_counters;

/// Whether a row of the table `model_counters` belongs to one of some owners, by their ids alone:
/// see [`ModelCounter::of_many`](crate::schema::ModelCounter::of_many).
#[derive(Debug, Clone)]
pub struct OwnedByAny {
    integers: Option<OfIntegers>,
    texts: Option<OfTexts>,
}

type OfIntegers =
    And<EqAny<model_counters::owner_id, Vec<i64>>, Eq<model_counters::owner_key, &'static str>>;

type OfTexts =
    And<EqAny<model_counters::owner_key, Vec<String>>, Eq<model_counters::owner_id, i64>>;

impl OwnedByAny {
    pub(crate) fn new<'a>(ids: impl IntoIterator<Item = &'a OwnerId>) -> Result<Self, Invalid> {
        let (mut integers, mut texts) = (Vec::new(), Vec::new());
        for id in ids {
            match OwnerColumns::of(id)? {
                OwnerColumns { id, key: "" } => integers.push(id),
                OwnerColumns { key, .. } => texts.push(key.to_owned()),
            }
        }
        let has_integers = !integers.is_empty() || texts.is_empty();
        let of_integers =
            || model_counters::owner_id.eq_any(integers).and(model_counters::owner_key.eq(""));
        let has_texts = !texts.is_empty();
        let of_texts =
            || model_counters::owner_key.eq_any(texts).and(model_counters::owner_id.eq(0));
        Ok(Self { integers: has_integers.then(of_integers), texts: has_texts.then(of_texts) })
    }
}

/// Only what there is of each kind, so that an index is looked up once for owners of one kind.
impl<DB: Backend> QueryFragment<DB> for OwnedByAny
where
    OfIntegers: QueryFragment<DB>,
    OfTexts: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("(");
        if let Some(integers) = &self.integers {
            integers.walk_ast(out.reborrow())?;
        }
        if self.integers.is_some() && self.texts.is_some() {
            out.push_sql(" OR ");
        }
        if let Some(texts) = &self.texts {
            texts.walk_ast(out.reborrow())?;
        }
        out.push_sql(")");
        Ok(())
    }
}

/// The kinds are in the text, and not in the type.
impl QueryId for OwnedByAny {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Expression for OwnedByAny {
    type SqlType = Bool;
}

impl<QS> AppearsOnTable<QS> for OwnedByAny
where
    OfIntegers: AppearsOnTable<QS>,
    OfTexts: AppearsOnTable<QS>,
{
}

impl<QS> SelectableExpression<QS> for OwnedByAny
where
    OfIntegers: SelectableExpression<QS>,
    OfTexts: SelectableExpression<QS>,
{
}

impl<GroupBy> ValidGrouping<GroupBy> for OwnedByAny {
    type IsAggregate = No;
}
