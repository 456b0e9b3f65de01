use counter_diesel::error::Invalid;
use counter_diesel::query::{OwnerZone, ToZone, Zone};
use counter_diesel::{CounterOwner, HasCounters, Owner};

#[derive(HasCounters)]
#[counters(keys(calls(every(day))), zone = time_zone)]
struct Client<'a> {
    id: i64,
    time_zone: Option<&'a str>,
}

#[derive(HasCounters)]
#[counters(zone = r#type, keys(calls))]
struct Branch {
    id: i64,
    r#type: Hours,
}

struct Hours(i8);

impl ToZone for Hours {
    fn to_zone(&self) -> Result<Option<Zone>, Invalid> {
        format!("{:+03}:00", self.0).to_zone()
    }
}

#[derive(HasCounters)]
struct Plain {
    id: i64,
}

fn zone(text: &str) -> Zone {
    text.parse().unwrap()
}

#[test]
fn the_zone_is_that_of_the_field_or_the_configured_one() {
    let client = |time_zone| Client { id: 1, time_zone };
    let zone_of = |time_zone| (&client(time_zone)).zone();
    assert_eq!(zone_of(Some("-03:00")), Ok(OwnerZone::Own(zone("-03:00"))));
    assert_eq!(zone_of(None), Ok(OwnerZone::Configured));
    assert!(zone_of(Some("Mars/Olympus")).is_err());
    let branch = Branch { id: 1, r#type: Hours(-3) };
    assert_eq!((&branch).zone(), Ok(OwnerZone::Own(zone("-03:00"))));
    assert_eq!((&Plain { id: 1 }).zone(), Ok(OwnerZone::Undeclared));
}

#[test]
fn by_the_id_alone_the_zone_of_a_model_with_a_field_is_unknown() {
    let owner = Client::counter_owner(1).unwrap();
    let zones = [CounterOwner::zone(&owner), CounterOwner::zone(&&owner)];
    assert_eq!(zones, [Ok(OwnerZone::Unknown), Ok(OwnerZone::Unknown)]);
    assert_eq!(Plain::counter_owner(1).unwrap().zone(), Ok(OwnerZone::Undeclared));
    assert_eq!(Owner::new("client", 1).unwrap().zone(), Ok(OwnerZone::Undeclared));
    const { assert!(Client::HAS_ZONE && Branch::HAS_ZONE && !Plain::HAS_ZONE) };
}
