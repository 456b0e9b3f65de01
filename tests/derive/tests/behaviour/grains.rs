use counter_diesel::query::Grain;
use counter_diesel::{CounterKey, CounterOwner, HasCounters, Owner};

#[derive(HasCounters)]
#[counters(keys(
    views(every(day)),
    likes,
    calls(name = "api-calls", every(hour, month)),
    every,
    name(name = "the name")
))]
struct Post {
    id: i64,
}

#[derive(HasCounters)]
#[counters(keys(views))]
struct Plain {
    id: i64,
}

fn grains_of<M: HasCounters>(key: &str) -> &'static [Grain] {
    M::grains_of(&key.parse().unwrap())
}

#[test]
fn a_key_has_the_grains_that_it_declares_and_others_have_none() {
    assert_eq!(grains_of::<Post>("views"), [Grain::Day]);
    assert_eq!(grains_of::<Post>("api-calls"), [Grain::Hour, Grain::Month]);
    for key in ["likes", "calls", "every", "name", "the name", "Views", "views "] {
        assert_eq!(grains_of::<Post>(key), [], "{key}");
    }
    assert_eq!(grains_of::<Plain>("views"), []);
    let keys = Post::KEYS.iter().map(CounterKey::as_str).collect::<Vec<_>>();
    assert_eq!(keys, ["views", "likes", "api-calls", "every", "the name"]);
    assert_eq!(PostCounter::Name.as_str(), "the name");
}

#[test]
fn each_way_to_name_an_owner_of_the_model_knows_its_grains() {
    fn of<O: CounterOwner>(_owner: &O) -> &'static [Grain] {
        O::grains_of(&CounterKey::from_static("views"))
    }
    let post = Post { id: 1 };
    let owner_of = Post::counter_owner(1).unwrap();
    assert_eq!([of(&&post), of(&owner_of), of(&&owner_of)], [&[Grain::Day][..]; 3]);
    assert_eq!(of(&Owner::new("post", post.id).unwrap()), []);
    assert_eq!(of(&&Plain { id: 1 }), []);
}

#[derive(HasCounters)]
#[counters(
    gauges(stock(every(day)), used(name = "storage-used", every(hour, day)), rank),
    gauge_enum = Read
)]
struct Shop {
    id: i64,
}

#[test]
fn gauges_have_an_enum_and_grains_of_their_own() {
    let gauges = Shop::GAUGES.iter().map(CounterKey::as_str).collect::<Vec<_>>();
    assert_eq!(gauges, ["stock", "storage-used", "rank"]);
    assert!(Shop::KEYS.is_empty() && Post::GAUGES.is_empty());
    let grains = |key: &str| Shop::gauge_grains_of(&key.parse().unwrap());
    assert_eq!(grains("stock"), [Grain::Day]);
    assert_eq!(grains("storage-used"), [Grain::Hour, Grain::Day]);
    assert!(grains("rank").is_empty() && grains("used").is_empty());
    assert!(Shop::grains_of(&CounterKey::from_static("stock")).is_empty());
    assert_eq!(("rank".parse(), Read::Used.as_str()), (Ok(Read::Rank), "storage-used"));
    let key = counter_diesel::query::GaugeOf::<Shop>::gauge_key(&Read::Stock).unwrap();
    assert_eq!((key.as_str(), Shop { id: 1 }.id), ("stock", 1));
}
