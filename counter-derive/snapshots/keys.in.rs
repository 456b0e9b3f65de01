#[derive(HasCounters)]
#[counters(keys(views, api_calls = "api-calls", r#type))]
pub(crate) struct Post {
    id: i32,
}
