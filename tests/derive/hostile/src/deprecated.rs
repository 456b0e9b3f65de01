//! A model on its way out. What is derived for it has to name it all the same.

use counter_diesel::HasCounters;

#[deprecated]
#[allow(dead_code, reason = "unused since it is deprecated")]
#[derive(HasCounters)]
#[counters(keys(views))]
pub(crate) struct Post {
    #[deprecated]
    id: i64,
}
