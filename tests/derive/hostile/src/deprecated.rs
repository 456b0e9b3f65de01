//! A deprecated model. The derived code must still name it.

use counter_diesel::HasCounters;

#[deprecated]
#[allow(dead_code, reason = "unused since it is deprecated")]
#[derive(HasCounters)]
#[counters(keys(views))]
pub(crate) struct Post {
    #[deprecated]
    id: i64,
}
