//! Models whose keys are not 64-bit integers, on every database.

use counter_diesel::{HasCounters, Owner, ToOwnerId};
use counter_tests::query_world::{QueryWorld, sync};
use counter_tests::suite::Case;
use diesel::prelude::*;

use super::explain::Explain;
use super::{Connection, KINDS, assert_index, explain};

diesel::table! {
    text_posts { id -> Text, other -> Nullable<Text>, }
}

#[derive(Queryable, HasCounters)]
#[diesel(table_name = text_posts)]
#[counters(owner_type = "post", keys(views, likes))]
struct TextPost {
    id: String,
    #[allow(dead_code, reason = "only the column is used")]
    other: Option<String>,
}

/// Texts that some collation takes for the same, or that mean something else elsewhere.
const IDS: [&str; 13] = [
    "a",
    "A",
    "a ",
    "ä",
    "0",
    "42",
    "-7",
    "a:b",
    "%342",
    "it''s",
    "\u{1F980}",
    "straße",
    "STRASSE",
];

/// Posts with these ids, of which each names another one, and a post that is an integer.
fn fill(world: &QueryWorld<Connection>) {
    // A collation that takes many texts for the same.
    world.run(KINDS);
    let others = IDS.iter().cycle().skip(1);
    let rows = IDS.iter().zip(others).map(|(id, other)| format!("('{id}', '{other}')"));
    let rows = rows.collect::<Vec<_>>().join(", ");
    world.run(&format!("INSERT INTO text_posts VALUES {rows}, ('', NULL), ('none', '')"));
    for (owner, n) in owners().iter().zip(1..) {
        world.counters.increment(owner, "views", n).unwrap();
    }
    for id in [0, 42, -7] {
        world.counters.increment(Owner::new("post", id).unwrap(), "views", 1_000).unwrap();
    }
    sync(&world.counters);
}

fn owners() -> [Owner; IDS.len()] {
    IDS.map(|id| Owner::new("post", id.replace("''", "'")).unwrap())
}

/// What each post has, and at the end those that have none.
fn expected(first: usize) -> Vec<i64> {
    let values = (1..=13_i64).cycle().skip(first).take(IDS.len());
    values.chain([0, 0]).collect()
}

pub(super) const CASES: &[Case<QueryWorld<Connection>>] = &[
    ("keys that are texts find their counters byte for byte", |world| {
        fill(world);
        let conn = &mut world.connect();
        let views = || TextPost::counter_value(TextPostCounter::Views);
        let other = || TextPost::counter_value_of(text_posts::other, TextPostCounter::Views);
        let read = text_posts::table.select((text_posts::id, views(), other()));
        let read = read.load::<(String, i64, i64)>(conn).unwrap();
        assert_eq!(read.iter().map(|row| row.1).collect::<Vec<_>>(), expected(0), "{read:?}");
        assert_eq!(read.iter().map(|row| row.2).collect::<Vec<_>>(), expected(1), "{read:?}");
        let most = text_posts::table.filter(views().gt(11)).order(views().desc());
        let most = most.select(text_posts::id).load::<String>(conn).unwrap();
        assert_eq!(most, ["STRASSE", "straße"]);
    }),
    ("pages and the first few are of texts too", |world| {
        fill(world);
        let conn = &mut world.connect();
        world.counters.increment(&owners()[3], "views", 100).unwrap();
        let page = text_posts::table.filter(text_posts::id.ne("")).load::<TextPost>(conn).unwrap();
        let mut values = expected(0);
        values.pop();
        values[3] += 100;
        let read = world.counters.load(&page, [TextPostCounter::Views]).unwrap();
        assert_eq!(read.concat(), values);
        assert_eq!(world.counters.on(conn).load(&page, ["views"]).unwrap().concat(), values);
        sync(&world.counters);
        let top = world.counters.top::<TextPost>(TextPostCounter::Views, 5).unwrap();
        let top = top.iter().map(|(post, views)| (post.id().to_string(), *views));
        let integers = ["-7", "0", "42"].map(|id| (id.to_owned(), 1_000));
        let texts = [("ä".to_owned(), 104), ("STRASSE".to_owned(), 13)];
        assert_eq!(top.collect::<Vec<_>>(), [&integers[..], &texts].concat());
        let error = TextPost { id: String::new(), other: None }.counter_owner_id().unwrap_err();
        assert_eq!(error.to_string(), "the owner id is empty");
    }),
    ("values of text keys are looked up in the unique index", |world| {
        fill(world);
        let many = (0..5_000).map(|id| (Owner::new("post", format!("n{id}")).unwrap(), "views", 1));
        world.counters.increment_many(many).unwrap();
        sync(&world.counters);
        let conn = &mut world.connect();
        let views = TextPost::counter_value(TextPostCounter::Views);
        assert_index(&explain(conn, Explain(text_posts::table.select(views))).unwrap());
        let other = TextPost::counter_value_of(text_posts::other, TextPostCounter::Views);
        assert_index(&explain(conn, Explain(text_posts::table.select(other))).unwrap());
    }),
    ("rows of owners of both kinds are found and put into groups", |world| {
        use counter_diesel::schema::{ModelCounter, model_counters};
        fill(world);
        let conn = &mut world.connect();
        let mut owners = vec![Owner::new("post", 0).unwrap(), Owner::new("post", 99).unwrap()];
        owners.extend(self::owners());
        for chosen in [&owners[..2], &owners[2..], &owners[..], &owners[4..4]] {
            let ids = chosen.iter().map(Owner::id);
            let rows = ModelCounter::of_many(owners[0].owner_type(), ids).unwrap();
            let rows = rows.order(model_counters::id).load::<ModelCounter>(conn).unwrap();
            for row in &rows {
                assert!(chosen.contains(&row.owner().unwrap()), "{row:?}");
            }
            let groups = ModelCounter::grouped_by(rows, chosen).unwrap();
            let counts = groups.iter().map(|rows| rows.iter().map(|row| row.count).sum::<i64>());
            let values = world.counters.get_many(chosen.iter().map(|owner| (owner, "views")));
            assert_eq!(counts.collect::<Vec<_>>(), values.unwrap());
        }
        let of_text = ModelCounter::of(&owners[6]).unwrap();
        let row = of_text.get_result::<ModelCounter>(conn).unwrap();
        assert_eq!((row.owner_id, row.owner_key.as_str(), row.count), (0, "0", 5));
        assert_eq!(row.owner().unwrap().id(), &"0".to_owner_id().unwrap());
    }),
];
