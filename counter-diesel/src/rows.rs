//! The tables as Diesel rows.

pub(crate) mod model_counter;
pub(crate) mod schema;
