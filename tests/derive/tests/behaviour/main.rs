//! What the derived code does.

#![allow(clippy::unwrap_used, reason = "also in what the tests share")]

mod diesel_models;
mod grains;
mod key_enum;
mod owner_column;
mod owner_id;
mod owner_type;
mod primary_key;
mod shapes;
mod visibility;
mod zone;
