use counter_core::Foreign;
use serde::Serialize;

use crate::sync::report::capped::Capped;

/// How many there were, and the first of them.
#[derive(Serialize)]
pub(super) struct Listed<T> {
    count: u64,
    first: Vec<T>,
}

/// Returns the list with each of its items in another shape.
pub(super) fn listed<'a, T, U: From<&'a T>>(findings: &'a Capped<T>) -> Listed<U> {
    Listed { count: findings.count(), first: findings.iter().map(U::from).collect() }
}

/// A name or value in the store that belongs to no counter.
#[derive(Serialize)]
pub(super) struct ForeignShape<'a> {
    name: &'a str,
    why: &'a str,
}

impl<'a> From<&'a Foreign> for ForeignShape<'a> {
    fn from(Foreign { name, why }: &'a Foreign) -> Self {
        Self { name, why }
    }
}
