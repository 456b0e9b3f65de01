#[automatically_derived]
#[allow(deprecated)]
impl ::counter_diesel::HasCounters for BlogPost {
    const OWNER_TYPE: ::counter_diesel::derive_support::OwnerType = ::counter_diesel::derive_support::OwnerType::from_static(
        "blog_post",
    );
    const KEYS: &'static [::counter_diesel::CounterKey] = &[];
    fn counter_owner_id(
        &self,
    ) -> ::core::result::Result<
        ::counter_diesel::OwnerId,
        ::counter_diesel::derive_support::Invalid,
    > {
        <i64 as ::counter_diesel::ToOwnerId>::to_owner_id(&self.id)
    }
}
