#[derive(Queryable, HasCounters)]
#[diesel(table_name = articles, primary_key(r#type))]
#[counters(owner_type = "article", key_enum = ArticleKey)]
#[counters(keys(views))]
pub struct Post {
    id: String,
    #[diesel(column_name = "type")]
    kind: crate::ids::PostId,
}
