//! The column under which a model's counters are found in a query.

use counter_diesel::HasCounters;
use counter_diesel::query::{CounterValueOf, HasOwnerColumn};
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

diesel::table! {
    posts (number) {
        number -> Integer,
        id -> Integer,
        #[sql_name = "type"]
        r#type -> BigInt,
    }
}

/// The SQL of what a column is compared with.
fn sql<M: HasOwnerColumn>() -> String
where
    M::Column: diesel::query_builder::QueryFragment<Sqlite>,
{
    diesel::debug_query::<Sqlite, _>(&M::COLUMN).to_string()
}

#[test]
fn it_is_the_one_named_id_unless_another_is_the_primary_key() {
    #[derive(HasCounters)]
    #[diesel(table_name = posts)]
    struct Usual {
        id: i32,
    }

    #[derive(HasCounters)]
    #[diesel(table_name = self::posts, primary_key(number))]
    struct Named {
        number: i32,
    }

    #[derive(HasCounters)]
    #[diesel(primary_key(r#type))]
    #[diesel(table_name = crate::owner_column::posts)]
    struct Keyword {
        #[diesel(column_name = "type")]
        kind: i64,
    }

    assert_eq!(Usual { id: 1 }.counter_owner_id(), "1".parse());
    assert_eq!(Named { number: 1 }.counter_owner_id(), "1".parse());
    assert_eq!(Keyword { kind: 1 }.counter_owner_id(), "1".parse());
    assert_eq!(sql::<Usual>(), "`posts`.`id` -- binds: []");
    assert_eq!(sql::<Named>(), "`posts`.`number` -- binds: []");
    assert_eq!(sql::<Keyword>(), "`posts`.`type` -- binds: []");
}

#[test]
fn a_key_that_is_loaded_from_something_else_has_to_be_named() {
    // The table has a column `id`, but that is not where this is loaded from.
    #[derive(Selectable, Queryable, HasCounters)]
    #[diesel(table_name = posts)]
    struct Post {
        #[diesel(select_expression = posts::number)]
        id: i32,
    }

    // That the derive does not implement it: this would be a second time.
    impl HasOwnerColumn for Post {
        type Column = posts::number;

        const COLUMN: posts::number = posts::number;
    }

    assert_eq!(Post { id: 1 }.counter_owner_id(), "1".parse());
    let value: CounterValueOf<Post> = Post::counter_value("views");
    let sql = diesel::debug_query::<Sqlite, _>(&value).to_string();
    assert!(sql.contains("= `posts`.`number` AND"), "{sql}");
}
