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
