//! The tables as Diesel rows.

pub(crate) mod model_counter;
pub(crate) mod owned_by_any;
pub(crate) mod period_count;
pub(crate) mod schema;
