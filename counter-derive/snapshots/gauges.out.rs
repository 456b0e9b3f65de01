#[automatically_derived]
#[allow(deprecated)]
impl ::counter_diesel::HasCounters for Shop {
    const OWNER_TYPE: ::counter_diesel::derive_support::OwnerType = ::counter_diesel::derive_support::OwnerType::from_static(
        "shop",
    );
    const KEYS: &'static [::counter_diesel::CounterKey] = &[
        ::counter_diesel::CounterKey::from_static("orders"),
    ];
    fn counter_owner_id(
        &self,
    ) -> ::core::result::Result<
        ::counter_diesel::OwnerId,
        ::counter_diesel::derive_support::Invalid,
    > {
        <i64 as ::counter_diesel::ToOwnerId>::to_owner_id(&self.id)
    }
    const GAUGES: &'static [::counter_diesel::CounterKey] = &[
        ::counter_diesel::CounterKey::from_static("stock"),
        ::counter_diesel::CounterKey::from_static("storage-used"),
        ::counter_diesel::CounterKey::from_static("rank"),
    ];
    fn gauge_grains_of(
        __key: &::counter_diesel::CounterKey,
    ) -> &'static [::counter_diesel::derive_support::Grain] {
        match ::counter_diesel::CounterKey::as_str(__key) {
            "stock" => &[::counter_diesel::derive_support::Grain::Day],
            "storage-used" => {
                &[
                    ::counter_diesel::derive_support::Grain::Hour,
                    ::counter_diesel::derive_support::Grain::Day,
                ]
            }
            _ => &[],
        }
    }
}
///The counters that `Shop` declares.
#[derive(
    ::core::fmt::Debug,
    ::core::clone::Clone,
    ::core::marker::Copy,
    ::core::cmp::PartialEq,
    ::core::cmp::Eq,
    ::core::cmp::PartialOrd,
    ::core::cmp::Ord,
    ::core::hash::Hash,
)]
enum ShopCounter {
    ///The counter `orders`.
    Orders,
}
#[automatically_derived]
impl ShopCounter {
    /// All of them, in the order of their declaration.
    const ALL: &'static [Self] = &[Self::Orders];
    /// The key as text.
    const fn as_str(self) -> &'static ::core::primitive::str {
        match self {
            Self::Orders => "orders",
        }
    }
}
#[automatically_derived]
impl ::core::fmt::Display for ShopCounter {
    fn fmt(&self, __formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        ::core::fmt::Formatter::pad(__formatter, Self::as_str(*self))
    }
}
#[automatically_derived]
impl ::core::str::FromStr for ShopCounter {
    type Err = ::counter_diesel::derive_support::Invalid;
    fn from_str(
        __text: &::core::primitive::str,
    ) -> ::core::result::Result<Self, ::counter_diesel::derive_support::Invalid> {
        match __text {
            "orders" => ::core::result::Result::Ok(Self::Orders),
            _ => {
                ::core::result::Result::Err(
                    ::counter_diesel::derive_support::undeclared_key(
                        __text,
                        "expected one of \"orders\"",
                    ),
                )
            }
        }
    }
}
#[automatically_derived]
#[allow(deprecated)]
impl ::counter_diesel::derive_support::KeyOf<Shop> for ShopCounter {
    fn counter_key(
        &self,
    ) -> ::core::result::Result<
        ::counter_diesel::CounterKey,
        ::counter_diesel::derive_support::Invalid,
    > {
        ::core::result::Result::Ok(
            match self {
                Self::Orders => {
                    const { ::counter_diesel::CounterKey::from_static("orders") }
                }
            },
        )
    }
}
///The gauges that `Shop` declares.
#[derive(
    ::core::fmt::Debug,
    ::core::clone::Clone,
    ::core::marker::Copy,
    ::core::cmp::PartialEq,
    ::core::cmp::Eq,
    ::core::cmp::PartialOrd,
    ::core::cmp::Ord,
    ::core::hash::Hash,
)]
enum ShopGauge {
    ///The gauge `stock`.
    Stock,
    ///The gauge `storage-used`.
    StorageUsed,
    ///The gauge `rank`.
    Rank,
}
#[automatically_derived]
impl ShopGauge {
    /// All of them, in the order of their declaration.
    const ALL: &'static [Self] = &[Self::Stock, Self::StorageUsed, Self::Rank];
    /// The key as text.
    const fn as_str(self) -> &'static ::core::primitive::str {
        match self {
            Self::Stock => "stock",
            Self::StorageUsed => "storage-used",
            Self::Rank => "rank",
        }
    }
}
#[automatically_derived]
impl ::core::fmt::Display for ShopGauge {
    fn fmt(&self, __formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        ::core::fmt::Formatter::pad(__formatter, Self::as_str(*self))
    }
}
#[automatically_derived]
impl ::core::str::FromStr for ShopGauge {
    type Err = ::counter_diesel::derive_support::Invalid;
    fn from_str(
        __text: &::core::primitive::str,
    ) -> ::core::result::Result<Self, ::counter_diesel::derive_support::Invalid> {
        match __text {
            "stock" => ::core::result::Result::Ok(Self::Stock),
            "storage-used" => ::core::result::Result::Ok(Self::StorageUsed),
            "rank" => ::core::result::Result::Ok(Self::Rank),
            _ => {
                ::core::result::Result::Err(
                    ::counter_diesel::derive_support::undeclared_key(
                        __text,
                        "expected one of \"stock\", \"storage-used\", \"rank\"",
                    ),
                )
            }
        }
    }
}
#[automatically_derived]
#[allow(deprecated)]
impl ::counter_diesel::derive_support::GaugeOf<Shop> for ShopGauge {
    fn gauge_key(
        &self,
    ) -> ::core::result::Result<
        ::counter_diesel::CounterKey,
        ::counter_diesel::derive_support::Invalid,
    > {
        ::core::result::Result::Ok(
            match self {
                Self::Stock => {
                    const { ::counter_diesel::CounterKey::from_static("stock") }
                }
                Self::StorageUsed => {
                    const { ::counter_diesel::CounterKey::from_static("storage-used") }
                }
                Self::Rank => const { ::counter_diesel::CounterKey::from_static("rank") }
            },
        )
    }
}
