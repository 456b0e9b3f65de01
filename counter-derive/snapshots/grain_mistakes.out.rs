::core::compile_error! {
    "no grain is named: write `every(day)`, or remove `every`"
}
::core::compile_error! {
    "write `d`, or say what it has: `calls(name = \"api-calls\", every(hour, day))`"
}
::core::compile_error! {
    "write what a key has as `calls(name = \"api-calls\", every(hour, day))`"
}
::core::compile_error! {
    "`every` is given twice: put all grains into one list"
}
::core::compile_error! {
    "`name` is given twice: remove one"
}
::core::compile_error! {
    "write grains as names: `every(hour, day)`"
}
::core::compile_error! {
    "write what a key has as `calls(name = \"api-calls\", every(hour, day))`"
}
::core::compile_error! {
    "unknown grain: expected one of `hour`, `day`, `week`, `month`, `quarter`, `year`"
}
::core::compile_error! {
    "`day` is named twice: remove one"
}
::core::compile_error! {
    "unknown grain: expected one of `hour`, `day`, `week`, `month`, `quarter`, `year`"
}
::core::compile_error! {
    "unknown grain: did you mean `day`?"
}
#[automatically_derived]
#[allow(deprecated)]
impl ::counter_diesel::HasCounters for Post {
    const OWNER_TYPE: ::counter_diesel::derive_support::OwnerType = ::counter_diesel::derive_support::OwnerType::from_static(
        "model",
    );
    const KEYS: &'static [::counter_diesel::CounterKey] = &[];
    fn counter_owner_id(
        &self,
    ) -> ::core::result::Result<
        ::counter_diesel::OwnerId,
        ::counter_diesel::derive_support::Invalid,
    > {
        ::counter_diesel::ToOwnerId::to_owner_id(&0_i64)
    }
}
