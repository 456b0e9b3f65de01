#[derive(HasCounters)]
struct BlogPost {
    id: i64,
    title: String,
}
