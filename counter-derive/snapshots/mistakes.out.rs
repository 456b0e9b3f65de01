::core::compile_error! {
    "write `likes`, without quotes"
}
::core::compile_error! {
    "unknown option: did you mean `owner_type`?"
}
::core::compile_error! {
    "a primary key is never null: write `i64` instead of `Option<i64>`"
}
::core::compile_error! {
    "a model with counters cannot be generic: remove `T`, or write `impl HasCounters` for each type that takes its place"
}
::core::compile_error! {
    "the owner type `global` is reserved for counters without a model: choose another"
}
::core::compile_error! {
    "the key \"views\" is declared twice: remove one"
}
#[automatically_derived]
#[allow(deprecated)]
impl<T: Clone> ::counter_diesel::HasCounters for Post<T> {
    const OWNER_TYPE: ::counter_diesel::derive_support::OwnerType = ::counter_diesel::derive_support::OwnerType::from_static(
        "model",
    );
    const KEYS: &'static [::counter_diesel::CounterKey] = &[
        ::counter_diesel::CounterKey::from_static("views"),
        ::counter_diesel::CounterKey::from_static("api-calls"),
    ];
    fn counter_owner_id(
        &self,
    ) -> ::core::result::Result<
        ::counter_diesel::OwnerId,
        ::counter_diesel::derive_support::Invalid,
    > {
        ::counter_diesel::ToOwnerId::to_owner_id(&0_i64)
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
    ///The counter `api-calls`.
    ApiCalls,
}
#[automatically_derived]
impl PostCounter {
    /// All of them, in the order of their declaration.
    const ALL: &'static [Self] = &[Self::Views, Self::ApiCalls];
    /// The key as text.
    const fn as_str(self) -> &'static ::core::primitive::str {
        match self {
            Self::Views => "views",
            Self::ApiCalls => "api-calls",
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
            "api-calls" => ::core::result::Result::Ok(Self::ApiCalls),
            _ => {
                ::core::result::Result::Err(
                    ::counter_diesel::derive_support::undeclared_key(
                        __text,
                        "expected one of \"views\", \"api-calls\"",
                    ),
                )
            }
        }
    }
}
#[automatically_derived]
#[allow(deprecated)]
impl<T: Clone> ::counter_diesel::derive_support::KeyOf<Post<T>> for PostCounter {
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
                Self::ApiCalls => {
                    const { ::counter_diesel::CounterKey::from_static("api-calls") }
                }
            },
        )
    }
}
