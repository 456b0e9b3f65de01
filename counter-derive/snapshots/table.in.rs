#[derive(Queryable, Selectable, HasCounters)]
#[diesel(table_name = crate::schema::posts)]
struct Post<'a> {
    id: i32,
    title: std::borrow::Cow<'a, str>,
}
