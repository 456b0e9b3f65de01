use counter_diesel::Counters;

use crate::pages::Pages;

/// What a worker needs to count a line.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    pub pages: &'a Pages,
    pub counters: &'a Counters,
    /// Whether the hits of the site are counted by the time of each line.
    pub by_time: bool,
}
