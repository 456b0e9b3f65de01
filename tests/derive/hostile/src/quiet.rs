//! Models that are used without their enums. The compiler must not warn of dead code that the macro
//! wrote.

use counter_diesel::error::Invalid;
use counter_diesel::{HasCounters, Owner};

#[derive(HasCounters)]
#[counters(keys(views, likes))]
struct Private {
    id: i64,
}

#[derive(HasCounters)]
#[counters(keys(views, likes))]
pub(crate) struct OfTheCrate {
    pub(crate) id: i64,
}

/// The owners of both.
///
/// # Errors
///
/// None, in fact.
pub fn owners() -> Result<[Owner; 2], Invalid> {
    let private = Private { id: 1 }.counter_owner_id()?;
    let of_the_crate = OfTheCrate { id: 2 }.counter_owner_id()?;
    Ok([Owner::of(Private::OWNER_TYPE, private), Owner::of(OfTheCrate::OWNER_TYPE, of_the_crate)])
}
