use counter_diesel::HasCounters;

fn id(model: &impl HasCounters) -> Option<i64> {
    model.counter_owner_id().ok()?.as_i64()
}

#[derive(HasCounters)]
#[diesel(primary_key(code))]
struct Country {
    id: i64,
    code: i32,
}

#[derive(HasCounters)]
struct Renamed {
    #[diesel(column_name = id)]
    number: i64,
}

#[derive(HasCounters)]
struct RenamedByText {
    #[diesel(column_name = "id")]
    number: i64,
}

#[derive(HasCounters)]
struct Swapped {
    #[diesel(column_name = legacy_id)]
    id: i64,
    #[diesel(column_name = id)]
    key: i64,
}

#[derive(HasCounters)]
#[diesel(primary_key(r#type))]
struct RawKey {
    r#type: i64,
}

#[derive(HasCounters)]
#[diesel(primary_key(type))]
struct RawField {
    r#type: i64,
}

#[derive(HasCounters)]
#[diesel(primary_key(type))]
struct RawColumn {
    #[diesel(column_name = r#type)]
    kind: i64,
}

#[derive(HasCounters)]
#[diesel(table_name = crate::schema::posts)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite), treat_none_as_null = true)]
#[diesel(belongs_to(User<'_, i64>, foreign_key = id), primary_key(number))]
#[diesel(a = <T as B<C, primary_key = (x)>>::D, 17, "text", primary_key, :: => {}, sql_type)]
#[diesel = "nonsense"]
#[diesel]
struct Overloaded {
    #[diesel(embed, deserialize_as = HashMap<A, B>, select_expression = { count(id, key) }, column_name)]
    #[diesel(column_name = some::path)]
    number: i64,
}

#[test]
fn diesels_primary_key_decides_which_field_is_the_id() {
    let country = Country { id: 1, code: 756 };
    assert_eq!(id(&country), Some(756));
    assert_eq!(country.id, 1);
}

#[test]
fn a_field_is_known_by_its_column() {
    assert_eq!(id(&Renamed { number: 3 }), Some(3));
    assert_eq!(id(&RenamedByText { number: 4 }), Some(4));
}

#[test]
fn a_field_of_another_column_is_not_the_id_whatever_its_name() {
    let swapped = Swapped { id: 1, key: 2 };
    assert_eq!(id(&swapped), Some(2));
    assert_eq!(swapped.id, 1);
}

#[test]
fn raw_identifiers_and_their_plain_form_are_the_same_column() {
    assert_eq!(id(&RawKey { r#type: 5 }), Some(5));
    assert_eq!(id(&RawField { r#type: 6 }), Some(6));
    assert_eq!(id(&RawColumn { kind: 7 }), Some(7));
}

#[test]
fn whatever_else_diesels_attribute_holds_is_passed_over() {
    assert_eq!(id(&Overloaded { number: 9 }), Some(9));
}
