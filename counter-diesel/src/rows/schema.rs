//! Diesel's view of the counters' tables.

crate::model_counters!(model_counters);
crate::model_counters_periods!(model_counters_periods);

/// Declares Diesel's typed view of a counters' table that is configured to have another name.
///
/// ```
/// counter_diesel::model_counters!(page_counters);
///
/// use diesel::prelude::*;
/// let views = page_counters::table.filter(page_counters::key.eq("views"));
/// # let _ = views;
/// ```
#[macro_export]
macro_rules! model_counters {
    ($table:ident) => {
        $crate::diesel::table! {
            /// One row for each counter, as the last sync left it.
            $table (id) {
                /// Generated.
                id -> BigInt,
                /// The kind of model.
                owner_type -> Text,
                /// Which instance of it, where its id is an integer.
                owner_id -> BigInt,
                /// The instance where its id is a text, beside an `owner_id` of 0; empty where it
                /// is an integer.
                owner_key -> Text,
                /// The counter's name.
                key -> Text,
                /// The baseline: the value without what the store still holds. May be negative.
                count -> BigInt,
                /// The sequence of the last claim that was applied.
                claim_seq -> BigInt,
                /// When the row was made, UTC.
                created_at -> Timestamp,
                /// When the row was last written, UTC.
                updated_at -> Timestamp,
            }
        }
    };
}

/// Declares Diesel's typed view of the table of periods beside a counters' table that is configured
/// to have another name.
///
/// ```
/// counter_diesel::model_counters_periods!(page_counters_periods);
///
/// use diesel::prelude::*;
/// let days = page_counters_periods::table.filter(page_counters_periods::grain.eq("day"));
/// # let _ = days;
/// ```
#[macro_export]
macro_rules! model_counters_periods {
    ($table:ident) => {
        $crate::diesel::table! {
            /// One row for each counter and period, as the last sync left it.
            $table (owner_type, owner_id, owner_key, key, grain, starts_at) {
                /// The kind of model.
                owner_type -> Text,
                /// Which instance of it, where its id is an integer.
                owner_id -> BigInt,
                /// The instance where its id is a text, beside an `owner_id` of 0; empty where it
                /// is an integer.
                owner_key -> Text,
                /// The counter's name.
                key -> Text,
                /// How long the period is, such as `day`.
                grain -> Text,
                /// The first instant of the period by the calendar, without a zone.
                starts_at -> Timestamp,
                /// The count, without what the store still holds. May be negative.
                count -> BigInt,
                /// The sequence of the last claim that was applied.
                claim_seq -> BigInt,
                /// When the row was last written, UTC.
                updated_at -> Timestamp,
            }
        }
    };
}
