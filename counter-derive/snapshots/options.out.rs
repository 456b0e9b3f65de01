#[automatically_derived]
#[allow(deprecated)]
impl ::counter_diesel::HasCounters for Post {
    const OWNER_TYPE: ::counter_diesel::derive_support::OwnerType = ::counter_diesel::derive_support::OwnerType::from_static(
        "article",
    );
    const KEYS: &'static [::counter_diesel::CounterKey] = &[
        ::counter_diesel::CounterKey::from_static("views"),
    ];
    fn counter_owner_id(
        &self,
    ) -> ::core::result::Result<
        ::counter_diesel::OwnerId,
        ::counter_diesel::derive_support::Invalid,
    > {
        <crate::ids::PostId as ::counter_diesel::ToOwnerId>::to_owner_id(&self.kind)
    }
}
#[automatically_derived]
#[allow(deprecated)]
impl ::counter_diesel::derive_support::HasOwnerColumn for Post {
    type Column = articles::r#type;
    const COLUMN: articles::r#type = articles::r#type;
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
pub enum ArticleKey {
    ///The counter `views`.
    Views,
}
#[automatically_derived]
impl ArticleKey {
    /// All of them, in the order of their declaration.
    pub const ALL: &'static [Self] = &[Self::Views];
    /// The key as text.
    pub const fn as_str(self) -> &'static ::core::primitive::str {
        match self {
            Self::Views => "views",
        }
    }
}
#[automatically_derived]
impl ::core::fmt::Display for ArticleKey {
    fn fmt(&self, __formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        ::core::fmt::Formatter::pad(__formatter, Self::as_str(*self))
    }
}
#[automatically_derived]
impl ::core::str::FromStr for ArticleKey {
    type Err = ::counter_diesel::derive_support::Invalid;
    fn from_str(
        __text: &::core::primitive::str,
    ) -> ::core::result::Result<Self, ::counter_diesel::derive_support::Invalid> {
        match __text {
            "views" => ::core::result::Result::Ok(Self::Views),
            _ => {
                ::core::result::Result::Err(
                    ::counter_diesel::derive_support::undeclared_key(
                        __text,
                        "expected one of \"views\"",
                    ),
                )
            }
        }
    }
}
#[automatically_derived]
#[allow(deprecated)]
impl ::counter_diesel::derive_support::KeyOf<Post> for ArticleKey {
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
            },
        )
    }
}
