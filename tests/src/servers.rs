//! Database servers that belong to the tests.

pub mod mariadb;
pub mod postgres;
