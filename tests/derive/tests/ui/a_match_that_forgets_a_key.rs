use counter_diesel::HasCounters;

#[derive(HasCounters)]
#[counters(keys(views, likes, api_calls = "api-calls"))]
struct Post {
    id: i64,
}

fn title(key: PostCounter) -> &'static str {
    match key {
        PostCounter::Views => "Views",
        PostCounter::Likes => "Likes",
    }
}

fn main() {}
