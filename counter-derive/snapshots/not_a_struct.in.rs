#[derive(HasCounters)]
#[counters(keys(views))]
pub enum Post {
    Draft,
    Published,
}
