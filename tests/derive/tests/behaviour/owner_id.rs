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

model!(Tiny, i8);
model!(UnsignedTiny, u8);
model!(UnsignedSmall, u16);
model!(UnsignedLarge, u64);
model!(Text, String);
model!(Static, &'static str);
model!(Either, std::borrow::Cow<'static, str>);
model!(Unique, uuid::Uuid);
model!(Composite, Seat);
model!(Small, i16);
model!(Medium, i32);
model!(Large, i64);
model!(Unsigned, u32);
model!(Newtype, PostId);
model!(Qualified, self::PostId);
model!(Picky, Even);

macro_rules! uuid_model {
    ($name:ident, $id:ty) => {
        #[derive(HasCounters)]
        #[counters(owner_type = "unique", id = uuid)]
        struct $name {
            id: $id,
        }
    };
}

uuid_model!(OfUuid, uuid::Uuid);
uuid_model!(OfArray, [u8; 16]);
uuid_model!(OfBytes, Vec<u8>);
uuid_model!(OfSlice, &'static [u8]);

struct Seat {
    flight: i64,
    row: i32,
}

impl ToOwnerId for Seat {
    fn to_owner_id(&self) -> Result<OwnerId, Invalid> {
        format!("{}/{}", self.flight, self.row).to_owner_id()
    }
}

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
    assert_eq!(id(&Tiny { id: i8::MIN }), Some(i64::from(i8::MIN)));
    assert_eq!(id(&UnsignedTiny { id: u8::MAX }), Some(i64::from(u8::MAX)));
    assert_eq!(id(&UnsignedSmall { id: u16::MAX }), Some(i64::from(u16::MAX)));
    assert_eq!(id(&UnsignedLarge { id: 7 }), Some(7));
}

#[test]
fn an_unsigned_id_above_the_greatest_of_the_table_is_refused_where_it_is_used() {
    let refused = UnsignedLarge { id: u64::MAX }.counter_owner_id().unwrap_err().to_string();
    assert!(refused.contains(&u64::MAX.to_string()), "{refused}");
}

#[test]
fn texts_and_uuids_are_ids_and_a_text_of_digits_is_no_integer() {
    let text = |model: &dyn Fn() -> Result<OwnerId, Invalid>| model().unwrap().to_string();
    assert_eq!(text(&|| Text { id: "a:b".to_owned() }.counter_owner_id()), "a%3Ab");
    assert_eq!(text(&|| Static { id: "42" }.counter_owner_id()), "%342");
    assert_eq!(text(&|| Either { id: "42a".into() }.counter_owner_id()), "42a");
    assert_eq!(
        text(&|| Composite { id: Seat { flight: 714, row: 12 } }.counter_owner_id()),
        "714/12"
    );
    assert!(Text { id: String::new() }.counter_owner_id().is_err());
}

#[test]
fn a_uuid_is_the_same_owner_as_its_bytes_and_as_its_text() {
    let uuid = uuid::Uuid::from_u128(0x6fa4_59ea_ee8a_3ca4_894e_db77_e160_355e);
    let id = Unique { id: uuid }.counter_owner_id().unwrap();
    assert_eq!(id.to_string(), "6fa459ea-ee8a-3ca4-894e-db77e160355e");
    let bytes = *uuid.as_bytes();
    assert_eq!(OfUuid { id: uuid }.counter_owner_id().as_ref(), Ok(&id));
    assert_eq!(OfArray { id: bytes }.counter_owner_id().as_ref(), Ok(&id));
    assert_eq!(OfBytes { id: bytes.to_vec() }.counter_owner_id().as_ref(), Ok(&id));
    assert!(OfBytes { id: vec![0; 15] }.counter_owner_id().is_err());
    assert!(OfSlice { id: &[0; 17] }.counter_owner_id().is_err());
    let owner = Owner::new("unique", "6fa459ea-ee8a-3ca4-894e-db77e160355e").unwrap();
    assert_eq!(owner.id(), &id);
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
