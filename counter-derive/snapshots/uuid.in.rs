#[derive(Queryable, HasCounters)]
#[diesel(table_name = posts)]
#[counters(id = uuid)]
struct Post<'a> {
    id: &'a [u8],
}
