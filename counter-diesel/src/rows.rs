//! The tables as Diesel rows.

pub(crate) mod model_counter;
pub mod schema;
