#[automatically_derived]
#[allow(deprecated)]
impl<'a> ::counter_diesel::HasCounters for Client<'a> {
    const OWNER_TYPE: ::counter_diesel::derive_support::OwnerType = ::counter_diesel::derive_support::OwnerType::from_static(
        "client",
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
    const HAS_ZONE: ::core::primitive::bool = true;
    fn counter_zone(
        &self,
    ) -> ::core::result::Result<
        ::core::option::Option<::counter_diesel::derive_support::Zone>,
        ::counter_diesel::derive_support::Invalid,
    > {
        <Option<
            &'a str,
        > as ::counter_diesel::derive_support::ToZone>::to_zone(&self.time_zone)
    }
}
