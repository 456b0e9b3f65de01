//! Fields and methods with the names of the trait's.

#![allow(dead_code, reason = "they are only in the way")]

use counter_diesel::HasCounters;
use counter_diesel::error::Invalid;

#[derive(HasCounters)]
#[counters(keys(views))]
struct Post {
    id: Id,
    counter_owner_id: u8,
    to_owner_id: u8,
}

impl Post {
    const OWNER_TYPE: u8 = 0;
    const KEYS: u8 = 0;

    const fn counter_owner_id(&self) -> u8 {
        self.counter_owner_id
    }

    const fn counter_owner() -> u8 {
        0
    }

    const fn to_owner_id(&self) -> u8 {
        self.to_owner_id
    }
}

impl PostCounter {
    const fn counter_key(self) -> u8 {
        self as u8
    }

    const fn from_str() -> u8 {
        0
    }

    const fn fmt() -> u8 {
        0
    }
}

struct Id(i64);

impl Id {
    const fn to_owner_id(&self) -> i64 {
        self.0
    }
}

impl counter_diesel::ToOwnerId for Id {
    fn to_owner_id(&self) -> Result<counter_diesel::OwnerId, Invalid> {
        counter_diesel::ToOwnerId::to_owner_id(&Self::to_owner_id(self))
    }
}
