#[automatically_derived]
#[allow(deprecated)]
impl ::counter_diesel::HasCounters for Post {
    const OWNER_TYPE: ::counter_diesel::derive_support::OwnerType = ::counter_diesel::derive_support::OwnerType::from_static(
        "post",
    );
    const KEYS: &'static [::counter_diesel::CounterKey] = &[
        ::counter_diesel::CounterKey::from_static("views"),
        ::counter_diesel::CounterKey::from_static("likes"),
        ::counter_diesel::CounterKey::from_static("api-calls"),
        ::counter_diesel::CounterKey::from_static("s"),
    ];
    fn counter_owner_id(
        &self,
    ) -> ::core::result::Result<
        ::counter_diesel::OwnerId,
        ::counter_diesel::derive_support::Invalid,
    > {
        <i64 as ::counter_diesel::ToOwnerId>::to_owner_id(&self.id)
    }
    fn grains_of(
        __key: &::counter_diesel::CounterKey,
    ) -> &'static [::counter_diesel::derive_support::Grain] {
        match ::counter_diesel::CounterKey::as_str(__key) {
            "views" => &[::counter_diesel::derive_support::Grain::Day],
            "api-calls" => {
                &[
                    ::counter_diesel::derive_support::Grain::Hour,
                    ::counter_diesel::derive_support::Grain::Day,
                    ::counter_diesel::derive_support::Grain::Year,
                ]
            }
            _ => &[],
        }
    }
}
///The counters that `Post` declares.
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
enum PostCounter {
    ///The counter `views`.
    Views,
    ///The counter `likes`.
    Likes,
    ///The counter `api-calls`.
    Calls,
    ///The counter `s`.
    Shares,
}
#[automatically_derived]
impl PostCounter {
    /// All of them, in the order of their declaration.
    const ALL: &'static [Self] = &[Self::Views, Self::Likes, Self::Calls, Self::Shares];
    /// The key as text.
    const fn as_str(self) -> &'static ::core::primitive::str {
        match self {
            Self::Views => "views",
            Self::Likes => "likes",
            Self::Calls => "api-calls",
            Self::Shares => "s",
        }
    }
}
#[automatically_derived]
impl ::core::fmt::Display for PostCounter {
    fn fmt(&self, __formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        ::core::fmt::Formatter::pad(__formatter, Self::as_str(*self))
    }
}
#[automatically_derived]
impl ::core::str::FromStr for PostCounter {
    type Err = ::counter_diesel::derive_support::Invalid;
    fn from_str(
        __text: &::core::primitive::str,
    ) -> ::core::result::Result<Self, ::counter_diesel::derive_support::Invalid> {
        match __text {
            "views" => ::core::result::Result::Ok(Self::Views),
            "likes" => ::core::result::Result::Ok(Self::Likes),
            "api-calls" => ::core::result::Result::Ok(Self::Calls),
            "s" => ::core::result::Result::Ok(Self::Shares),
            _ => {
                ::core::result::Result::Err(
                    ::counter_diesel::derive_support::undeclared_key(
                        __text,
                        "expected one of \"views\", \"likes\", \"api-calls\", \"s\"",
                    ),
                )
            }
        }
    }
}
#[automatically_derived]
#[allow(deprecated)]
impl ::counter_diesel::derive_support::KeyOf<Post> for PostCounter {
    fn counter_key(
        &self,
    ) -> ::core::result::Result<
        ::counter_diesel::CounterKey,
        ::counter_diesel::derive_support::Invalid,
    > {
        ::core::result::Result::Ok(
            match self {
                Self::Views => {
                    const { ::counter_diesel::CounterKey::from_static("views") }
                }
                Self::Likes => {
                    const { ::counter_diesel::CounterKey::from_static("likes") }
                }
                Self::Calls => {
                    const { ::counter_diesel::CounterKey::from_static("api-calls") }
                }
                Self::Shares => const { ::counter_diesel::CounterKey::from_static("s") }
            },
        )
    }
}
