//! How a database finds the values in a query.

use counter_diesel::HasCounters;
use counter_tests::query_world::QueryWorld;
use diesel::deserialize::FromSqlRow;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};

use super::models::*;
use super::{Backend, Connection, EXPLAIN, Plan, explain};

/// Where the value stands in the query.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asked {
    Select,
    Filter,
    Order,
    NarrowKey,
    ForeignKey,
}

impl Asked {
    pub(super) const ALL: [Self; 5] =
        [Self::Select, Self::Filter, Self::Order, Self::NarrowKey, Self::ForeignKey];
}

/// Many posts, whose counters are all of one type.
pub(super) fn fill(world: &QueryWorld<Connection>) {
    world.add_posts("posts", 1..=200);
    world.add_posts("integer_posts", 1..=200);
    let counts = (1..=5_000).flat_map(|id| [("post", id, "views", id), ("post", id, "likes", 1)]);
    world.count(counts);
}

/// How the database would go about it, a row for each step.
pub(super) fn explained<Row>(world: &QueryWorld<Connection>, asked: Asked) -> Vec<Row>
where
    Row: FromSqlRow<Plan, Backend> + 'static,
{
    let conn = &mut world.connect();
    let views = || Post::counter_value(PostCounter::Views);
    let plan = match asked {
        Asked::Select => explain(conn, Explain(posts::table.select(views()))),
        Asked::Filter => {
            explain(conn, Explain(posts::table.select(posts::id).filter(views().gt(9))))
        }
        Asked::Order => {
            explain(conn, Explain(posts::table.select(posts::id).order(views().desc()).limit(10)))
        }
        Asked::NarrowKey => {
            let views = IntegerPost::counter_value(IntegerPostCounter::Views);
            explain(conn, Explain(integer_posts::table.select(views)))
        }
        Asked::ForeignKey => {
            let views = Post::counter_value_of(comments::post_id, PostCounter::Views);
            explain(conn, Explain(comments::table.select(views)))
        }
    };
    plan.unwrap()
}

/// All four columns, in the first line of this, or it would read all counters of the owner, or of
/// the type.
pub(super) fn assert_looked_up(condition: &str) {
    let condition = condition.lines().next().unwrap();
    for column in ["owner_type", "owner_id", "owner_key", "key"] {
        assert!(condition.contains(column), "{column} is missing in {condition}");
    }
}

/// The plan as the database returns it.
pub(super) fn load_plan<Q, Row>(conn: &mut Connection, query: Explain<Q>) -> QueryResult<Vec<Row>>
where
    Q: QueryFragment<Backend>,
    Row: FromSqlRow<Plan, Backend> + 'static,
{
    query.load(conn)
}

/// A query, with its parameters, that is explained and not run.
pub(super) struct Explain<Q>(pub(super) Q);

impl<Q: QueryFragment<Backend>> QueryFragment<Backend> for Explain<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql(EXPLAIN);
        self.0.walk_ast(out)
    }
}

impl<Q> QueryId for Explain<Q> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> Query for Explain<Q> {
    type SqlType = Plan;
}

impl<Q> RunQueryDsl<Connection> for Explain<Q> {}
