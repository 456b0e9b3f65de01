use counter_diesel::error::Invalid;
use counter_diesel::{HasCounters, Owner, OwnerId, ToOwnerId};

fn id(model: &impl HasCounters) -> Option<i64> {
    model.counter_owner_id().ok()?.as_i64()
}

macro_rules! model {
    ($name:ident, $id:ty) => {
        #[derive(HasCounters)]
        struct $name {
            id: $id,
        }
    };
}

model!(Small, i16);
model!(Medium, i32);
model!(Large, i64);
model!(Unsigned, u32);
model!(Newtype, PostId);
model!(Qualified, self::PostId);
model!(Picky, Even);

struct PostId(i64);

impl ToOwnerId for PostId {
    fn to_owner_id(&self) -> Result<OwnerId, Invalid> {
        self.0.to_owner_id()
    }
}

/// An id of which not every value is one.
struct Even(i64);

impl ToOwnerId for Even {
    fn to_owner_id(&self) -> Result<OwnerId, Invalid> {
        match self.0 % 2 {
            0 => self.0.to_owner_id(),
            _ => "".parse(),
        }
    }
}

#[test]
fn each_integer_type_that_fits_is_an_id() {
    assert_eq!(id(&Small { id: i16::MIN }), Some(i64::from(i16::MIN)));
    assert_eq!(id(&Medium { id: i32::MAX }), Some(i64::from(i32::MAX)));
    assert_eq!(id(&Large { id: i64::MAX }), Some(i64::MAX));
    assert_eq!(id(&Unsigned { id: u32::MAX }), Some(i64::from(u32::MAX)));
}

#[test]
fn a_newtype_with_its_own_conversion_is_an_id() {
    assert_eq!(id(&Newtype { id: PostId(7) }), Some(7));
    assert_eq!(id(&Qualified { id: PostId(8) }), Some(8));
}

#[test]
fn an_id_that_refuses_a_value_is_an_error_and_no_panic() {
    assert_eq!(id(&Picky { id: Even(2) }), Some(2));
    assert!(Picky { id: Even(3) }.counter_owner_id().is_err());
}

#[test]
fn a_model_that_is_not_loaded_is_the_same_owner() {
    use counter_diesel::CounterOwner;

    let expected = Owner::new("large", 42).unwrap();
    assert_eq!(*(&Large { id: 42 }).owner().unwrap(), expected);
    assert_eq!(*Large::counter_owner(42).unwrap().owner().unwrap(), expected);
}
