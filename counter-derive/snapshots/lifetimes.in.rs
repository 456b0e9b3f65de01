#[derive(HasCounters)]
#[counters(keys(views))]
struct Post<'a, 'b: 'a>
where
    'b: 'static,
{
    id: i64,
    title: &'a str,
    body: &'b str,
}
