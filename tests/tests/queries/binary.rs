//! Models whose keys are UUIDs in bytes, on the databases that have no type for them.

use counter_diesel::query::CounterValueOf;
use counter_diesel::{HasCounters, Owner};
use counter_tests::query_world::{QueryWorld, sync};
use counter_tests::suite::Case;
use diesel::prelude::*;

use super::explain::Explain;
use super::{Connection, assert_index, explain};

diesel::table! {
    uuid_posts { id -> Binary, parent -> Nullable<Binary>, }
}

#[derive(Queryable, Selectable, HasCounters)]
#[diesel(table_name = uuid_posts)]
#[counters(owner_type = "post", keys(views), id = uuid)]
struct UuidPost {
    id: Vec<u8>,
    #[diesel(select_expression = UuidPost::counter_value(UuidPostCounter::Views))]
    #[diesel(select_expression_type = CounterValueOf<UuidPost>)]
    views: i64,
}

/// Two UUIDs, what is too short and what is too long for one.
const ROWS: &str = "INSERT INTO uuid_posts VALUES \
    (x'6fa459eaee8a3ca4894edb77e160355e', x'6FA459EAEE8A3CA4894EDB77E160355F'), \
    (x'6fa459eaee8a3ca4894edb77e160355f', NULL), \
    (x'6fa459ea', x'6fa459eaee8a3ca4894edb77e160355e00')";

const UUIDS: [&str; 2] =
    ["6fa459ea-ee8a-3ca4-894e-db77e160355e", "6fa459ea-ee8a-3ca4-894e-db77e160355f"];

fn fill(world: &QueryWorld<Connection>) {
    world.run(
        "CREATE TABLE uuid_posts (id VARBINARY(17) NOT NULL PRIMARY KEY, parent VARBINARY(17))",
    );
    world.run(ROWS);
    for (uuid, n) in UUIDS.iter().zip(1..) {
        world.counters.increment(Owner::new("post", *uuid).unwrap(), "views", n).unwrap();
    }
    world.counters.increment(Owner::new("post", 0).unwrap(), "views", 1_000).unwrap();
    sync(&world.counters);
}

pub(super) const CASES: &[Case<QueryWorld<Connection>>] = &[
    ("keys that are the bytes of UUIDs find their counters", |world| {
        fill(world);
        let conn = &mut world.connect();
        let views = || UuidPost::counter_value(UuidPostCounter::Views);
        let parents = UuidPost::counter_value_of(uuid_posts::parent, UuidPostCounter::Views);
        let read = uuid_posts::table.select((views(), parents)).order(views());
        assert_eq!(read.load::<(i64, i64)>(conn).unwrap(), [(0, 0), (1, 2), (2, 0)]);
        let page = uuid_posts::table.filter(views().gt(0)).select(UuidPost::as_select());
        let page = page.order(uuid_posts::id).load(conn).unwrap();
        assert_eq!(page.iter().map(|post| post.views).collect::<Vec<_>>(), [1, 2]);
        world.counters.increment(&page[0], UuidPostCounter::Views, 10).unwrap();
        let values = world.counters.load(&page, [UuidPostCounter::Views]).unwrap();
        assert_eq!(values, [[11], [2]]);
        sync(&world.counters);
        let top = world.counters.top::<UuidPost>(UuidPostCounter::Views, 2).unwrap();
        let top = top.iter().map(|(post, views)| (post.id().to_string(), *views));
        assert_eq!(top.collect::<Vec<_>>(), [("0".to_owned(), 1_000), (UUIDS[0].to_owned(), 11)]);
        let error = UuidPost { id: vec![1; 4], views: 0 }.counter_owner_id().unwrap_err();
        assert!(error.to_string().contains("a UUID has 16 bytes"), "{error}");
    }),
    ("values of bytes are looked up in the unique index", |world| {
        fill(world);
        let many = (0..5_000).map(|id| (Owner::new("post", format!("n{id}")).unwrap(), "views", 1));
        world.counters.increment_many(many).unwrap();
        sync(&world.counters);
        let views = UuidPost::counter_value(UuidPostCounter::Views);
        let asked = Explain(uuid_posts::table.select(views));
        assert_index(&explain(&mut world.connect(), asked).unwrap());
    }),
];
