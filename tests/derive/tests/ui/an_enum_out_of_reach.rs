// An enum is as visible as its model, and not more.
mod models {
    #[derive(counter_diesel::HasCounters)]
    #[counters(keys(views))]
    struct Post {
        id: i64,
    }

    pub mod inner {
        #[derive(counter_diesel::HasCounters)]
        #[counters(keys(views))]
        pub(super) struct Comment {
            id: i64,
        }
    }
}

fn main() {
    let _ = models::PostCounter::Views;
    let _ = models::inner::CommentCounter::Views;
}
