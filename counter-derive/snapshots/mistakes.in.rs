#[derive(HasCounters)]
#[counters(keys(views, views, "likes", api_calls = "api-calls"), owner_typ = "post")]
#[counters(owner_type = "global")]
struct Post<T: Clone> {
    id: Option<i64>,
    state: T,
}
