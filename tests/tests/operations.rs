//! Every operation, for every pair of store and database.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::process::ExitCode;

use counter_diesel::error::Invalid;
use counter_diesel::query::{KeyOf, OwnerType};
use counter_diesel::{CounterKey, Error, HasCounters, Owner, OwnerId, SyncOptions, ToOwnerId};
use counter_tests::fixtures::{self, post};
use counter_tests::suite::{self, Case};
use counter_tests::world::{PAIRS_AND_POOLER, World};

fn main() -> ExitCode {
    suite::run(PAIRS_AND_POOLER, CASES)
}

const CASES: &[Case<World>] = &[
    ("an increment is read at once and after a sync", |world| {
        let counters = world.counters();
        let post = Post { id: 1 };
        post.increment_counter(&counters, "views", 3).unwrap();
        assert_eq!(post.counter(&counters, "views").unwrap(), 3);
        assert_eq!(counters.baseline(&post, "views").unwrap(), 0);
        assert_eq!(counters.pending(&post, "views").unwrap().pending, 3);
        sync(world);
        assert_eq!(post.counter(&counters, "views").unwrap(), 3);
        assert_eq!(counters.baseline(&post, "views").unwrap(), 3);
        assert_eq!(counters.pending(&post, "views").unwrap().pending, 0);
    }),
    ("a decrement may go below zero", |world| {
        let counters = world.counters();
        let post = Post { id: 1 };
        post.increment_counter(&counters, "credits", 3).unwrap();
        sync(world);
        post.decrement_counter(&counters, "credits", 10).unwrap();
        assert_eq!(post.counter(&counters, "credits").unwrap(), -7);
        sync(world);
        assert_eq!(counters.baseline(&post, "credits").unwrap(), -7);
        post.decrement_counter(&counters, "credits", 1).unwrap();
        sync(world);
        assert_eq!(counters.baseline(&post, "credits").unwrap(), -8);
    }),
    ("a decrement by the smallest number is not counted", |world| {
        let counters = world.counters();
        let error = Post { id: 1 }.decrement_counter(&counters, "credits", i64::MIN).unwrap_err();
        assert!(matches!(error, Error::Core(counter_core::Error::NotCounted { .. })), "{error:?}");
        assert_eq!(Post { id: 1 }.counter(&counters, "credits").unwrap(), 0);
    }),
    ("a counter that was never counted is zero", |world| {
        assert_eq!(Post { id: 9 }.counter(&world.counters(), "views").unwrap(), 0);
    }),
    ("set replaces what was before and counts what comes after", |world| {
        let counters = world.counters();
        let post = Post { id: 1 };
        post.increment_counter(&counters, "views", 5).unwrap();
        sync(world);
        post.increment_counter(&counters, "views", 5).unwrap();
        post.set_counter(&counters, "views", 1000).unwrap();
        assert_eq!(post.counter(&counters, "views").unwrap(), 1000);
        assert_eq!(counters.baseline(&post, "views").unwrap(), 1000);
        post.increment_counter(&counters, "views", 1).unwrap();
        assert_eq!(post.counter(&counters, "views").unwrap(), 1001);
        sync(world);
        assert_eq!(counters.baseline(&post, "views").unwrap(), 1001);
    }),
    ("set works for a counter without a row and to the same value twice", |world| {
        let counters = world.counters();
        let post = Post { id: 1 };
        post.set_counter(&counters, "views", -4).unwrap();
        post.set_counter(&counters, "views", -4).unwrap();
        assert_eq!(counters.baseline(&post, "views").unwrap(), -4);
    }),
    ("reset makes a counter zero", |world| {
        let counters = world.counters();
        let post = Post { id: 1 };
        post.increment_counter(&counters, "views", 5).unwrap();
        sync(world);
        post.increment_counter(&counters, "views", 2).unwrap();
        post.reset_counter(&counters, "views").unwrap();
        assert_eq!(post.counter(&counters, "views").unwrap(), 0);
        sync(world);
        assert_eq!(counters.baseline(&post, "views").unwrap(), 0);
    }),
    ("delete removes the row and what is pending", |world| {
        let counters = world.counters();
        let post = Post { id: 1 };
        post.increment_counter(&counters, "likes", 5).unwrap();
        sync(world);
        post.increment_counter(&counters, "likes", 2).unwrap();
        post.delete_counter(&counters, "likes").unwrap();
        assert_eq!(post.counter(&counters, "likes").unwrap(), 0);
        assert_eq!(world.ledger.rows_of(&fixtures::post(1)).unwrap(), []);
        post.increment_counter(&counters, "likes", 1).unwrap();
        sync(world);
        assert_eq!(counters.baseline(&post, "likes").unwrap(), 1);
    }),
    ("many are read in the order asked", |world| {
        let counters = world.counters();
        let (first, second) = (Post { id: 1 }, Post { id: 2 });
        first.increment_counters(&counters, [("views", 1), ("likes", 2)]).unwrap();
        second.increment_counter(&counters, "views", 3).unwrap();
        let read = || {
            let asked = [
                (&second, "views"),
                (&first, "likes"),
                (&first, "none"),
                (&first, "views"),
                (&second, "views"),
            ];
            counters.get_many(asked).unwrap()
        };
        assert_eq!(read(), [3, 2, 0, 1, 3]);
        sync(world);
        assert_eq!(read(), [3, 2, 0, 1, 3]);
        assert_eq!(first.counters(&counters, ["views", "likes"]).unwrap(), [1, 2]);
        let none: [(&Post, &str); 0] = [];
        assert!(counters.get_many(none).unwrap().is_empty());
    }),
    ("pages and the first few have what is pending in them", |world| {
        let counters = world.counters();
        let posts = [1, 2, 3].map(|id| Post { id });
        for (post, views) in posts.iter().zip([10, 20, 30]) {
            post.increment_counter(&counters, "views", views).unwrap();
        }
        sync(world);
        posts[0].increment_counter(&counters, "views", 100).unwrap();
        posts[1].increment_counters(&counters, [("views", -1), ("likes", 4)]).unwrap();
        let page = counters.load(&posts, ["likes", "views"]).unwrap();
        assert_eq!(page, [[0, 110], [4, 19], [0, 30]]);
        let first = counters.top::<Post>(Views, 2).unwrap();
        let first = first.iter().map(|(post, views)| (post.id().to_string(), *views));
        assert_eq!(first.collect::<Vec<_>>(), [("3".to_owned(), 30), ("2".to_owned(), 19)]);
    }),
    ("owners that are integers and texts count side by side, and none is another", |world| {
        let counters = world.counters();
        let texts = ["42", "6fa459ea-ee8a-3ca4-894e-db77e160355e", "a:b{c}%3", "Ä", "ä"];
        let mut owners = vec![post(42), post(0)];
        owners.extend(texts.map(|text| Owner::new("post", text).unwrap()));
        let read = || counters.get_many(owners.iter().map(|owner| (owner, "views"))).unwrap();
        for (owner, n) in owners.iter().zip(1..) {
            counters.increment(owner, "views", n).unwrap();
        }
        assert_eq!(read(), [1, 2, 3, 4, 5, 6, 7]);
        sync(world);
        assert_eq!(read(), [1, 2, 3, 4, 5, 6, 7]);
        for (owner, n) in owners.iter().zip(1..) {
            assert_eq!(counters.baseline(owner, "views").unwrap(), n, "{owner}");
            counters.increment(owner, "likes", n).unwrap();
        }
        counters.set(&owners[2], "views", 100).unwrap();
        counters.delete(&owners[3], "views").unwrap();
        counters.reset(&owners[4], "views").unwrap();
        sync(world);
        assert_eq!(read(), [1, 2, 100, 0, 0, 6, 7]);
        let all = counters.all(&owners[2]).unwrap();
        assert_eq!(all, BTreeMap::from([("views".to_owned(), 100), ("likes".to_owned(), 3)]));
        let top = counters.top_of(owners[0].owner_type(), "views", 3).unwrap();
        let expected = [(2, 100), (6, 7), (5, 6)].map(|(n, views)| (owners[n].clone(), views));
        assert_eq!(top, expected);
    }),
    ("ten thousand counters are read at once", |world| {
        let counters = world.counters();
        let owner = post(1);
        let keys = (0..10_000).map(|n| format!("key-{n}")).collect::<Vec<_>>();
        counters
            .increment_many(keys.iter().zip(1..).map(|(key, n)| (&owner, key.as_str(), n)))
            .unwrap();
        sync(world);
        let read = counters.get_many(keys.iter().map(|key| (&owner, key.as_str()))).unwrap();
        assert_eq!(read, (1..=10_000).collect::<Vec<_>>());
        assert_eq!(counters.all(&owner).unwrap().len(), 10_000);
    }),
    ("all has rows, declared keys and what the memory holds", |world| {
        let counters = world.counters();
        let post = Post { id: 1 };
        let zero = BTreeMap::from([("views".to_owned(), 0)]);
        assert_eq!(post.all_counters(&counters).unwrap(), zero);
        post.increment_counter(&counters, "likes", 2).unwrap();
        Post { id: 2 }.increment_counter(&counters, "likes", 9).unwrap();
        sync(world);
        post.increment_counters(&counters, [("likes", 1), ("views", 5)]).unwrap();
        let expected = BTreeMap::from([("likes".to_owned(), 3), ("views".to_owned(), 5)]);
        assert_eq!(post.all_counters(&counters).unwrap(), expected);
    }),
    ("one bad key in many changes nothing", |world| {
        let counters = world.counters();
        let post = Post { id: 1 };
        for bad in ["", "a\0b", &"x".repeat(101)] {
            let error = post
                .increment_counters(&counters, [("views", 1), (bad, 1), ("likes", 1)])
                .unwrap_err();
            assert!(matches!(error, Error::Core(counter_core::Error::Invalid(_))), "{error:?}");
            assert!(!error.is_outcome_unknown());
        }
        assert_eq!(post.counters(&counters, ["views", "likes"]).unwrap(), [0, 0]);
    }),
    ("an overflow in many is distinguished from those that counted", |world| {
        let counters = world.counters();
        let post = Post { id: 1 };
        post.increment_counter(&counters, "full", i64::MAX).unwrap();
        let error = post
            .increment_counters(&counters, [("views", 1), ("full", 1), ("likes", 1)])
            .unwrap_err();
        let Error::Increments { outcomes } = &error else { panic!("{error:?}") };
        assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!(error.to_string(), "1 of 3 increments were not certainly counted");
        assert_eq!(post.counters(&counters, ["views", "full", "likes"]).unwrap(), [1, i64::MAX, 1]);
    }),
    ("a sum beyond 64 bits is an error and not a wrong number", |world| {
        let counters = world.counters();
        let post = Post { id: 1 };
        post.set_counter(&counters, "full", i64::MAX).unwrap();
        post.increment_counter(&counters, "full", 1).unwrap();
        let error = post.counter(&counters, "full").unwrap_err();
        assert!(matches!(error, Error::Core(counter_core::Error::Overflow { .. })), "{error:?}");
        post.decrement_counter(&counters, "full", 2).unwrap();
        assert_eq!(post.counter(&counters, "full").unwrap(), i64::MAX - 1);
    }),
    ("keys differ by case, accents, trailing space and everything else", |world| {
        let counters = world.counters();
        let owner = Owner::new("po:st{%}", 1).unwrap();
        let keys = [
            "views",
            "Views",
            "views ",
            " views",
            "viêws",
            "vie\u{302}ws",
            "%64",
            "a:b",
            "{x}",
            "👍🏽",
            "مرحبا",
            "*",
            "\n",
            "'\"`;--",
        ];
        for (n, key) in (1..).zip(keys) {
            counters.increment(&owner, key, n).unwrap();
        }
        let expected = (1..).take(keys.len()).collect::<Vec<i64>>();
        let read = || counters.get_many(keys.iter().map(|key| (&owner, *key))).unwrap();
        assert_eq!(read(), expected);
        sync(world);
        assert_eq!(read(), expected);
        assert_eq!(counters.all(&owner).unwrap().len(), keys.len());
    }),
    ("the longest names and the outermost ids work", |world| {
        let counters = world.counters();
        let (owner_type, key) = ("é".repeat(255), "字".repeat(100));
        for id in [i64::MIN, -1, 0, i64::MAX] {
            let owner = Owner::new(owner_type.clone(), id).unwrap();
            counters.increment(&owner, &key, 7).unwrap();
            sync(world);
            assert_eq!(counters.get(&owner, key.as_str()).unwrap(), 7);
        }
    }),
    ("a handle, an id and a model are the same counter", |world| {
        let counters = world.counters();
        let handle = counters.handle(&Post { id: 1 }, "views").unwrap();
        handle.increment(5).unwrap();
        handle.decrement(1).unwrap();
        counters.increment(Post::counter_owner(1).unwrap(), Views, 1).unwrap();
        counters.increment(post(1), "views", 1).unwrap();
        assert_eq!(handle.get().unwrap(), 6);
        assert_eq!(handle.pending().unwrap().pending, 6);
        sync(world);
        assert_eq!(handle.baseline().unwrap(), 6);
        handle.set(3).unwrap();
        assert_eq!(Post { id: 1 }.counter(&counters, Views).unwrap(), 3);
        handle.reset().unwrap();
        assert_eq!(handle.get().unwrap(), 0);
        handle.delete().unwrap();
        assert_eq!(handle.id().as_str(), "post:1:views");
    }),
    ("global counters belong to no model", |world| {
        let counters = world.counters();
        counters.increment(Owner::global(), "signups", 2).unwrap();
        sync(world);
        let global = Owner::new("global", 0).unwrap();
        assert_eq!(counters.get(&global, "signups").unwrap(), 2);
    }),
];

struct Post {
    id: i64,
}

impl HasCounters for Post {
    const OWNER_TYPE: OwnerType = OwnerType::from_static("post");
    const KEYS: &'static [CounterKey] = &[CounterKey::from_static("views")];

    fn counter_owner_id(&self) -> Result<OwnerId, Invalid> {
        self.id.to_owner_id()
    }
}

struct Views;

impl KeyOf<Post> for Views {
    fn counter_key(&self) -> Result<CounterKey, Invalid> {
        Ok(CounterKey::from_static("views"))
    }
}

fn sync(world: &World) {
    let report = world.counters().sync(&SyncOptions::default()).unwrap();
    assert!(report.is_clean(), "{report:?}");
}
