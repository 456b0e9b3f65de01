#[automatically_derived]
#[allow(deprecated)]
impl<'a> ::counter_diesel::HasCounters for Post<'a> {
    const OWNER_TYPE: ::counter_diesel::derive_support::OwnerType = ::counter_diesel::derive_support::OwnerType::from_static(
        "post",
    );
    const KEYS: &'static [::counter_diesel::CounterKey] = &[];
    fn counter_owner_id(
        &self,
    ) -> ::core::result::Result<
        ::counter_diesel::OwnerId,
        ::counter_diesel::derive_support::Invalid,
    > {
        ::counter_diesel::derive_support::uuid_of::<&'a [u8]>(&self.id)
    }
}
#[automatically_derived]
#[allow(deprecated)]
impl<'a> ::counter_diesel::derive_support::HasOwnerColumn for Post<'a> {
    type Column = posts::id;
    const COLUMN: posts::id = posts::id;
}
#[automatically_derived]
#[allow(deprecated)]
impl<'a> ::counter_diesel::derive_support::HasUuidBytes for Post<'a> {}
