//! Turns the input into a model that can be expanded, or reports everything that is wrong with it.

mod enum_name;
mod grain;
mod model;
mod owner_type;
mod primary_key;
mod shape;
mod text;
mod valid_key;
mod zone;

pub(crate) use model::{Model, check};
pub(crate) use valid_key::ValidKey;
