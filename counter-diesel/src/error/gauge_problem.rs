use counter_core::CounterId;

/// Why a call does not suit a gauge, or is only for gauges. Which keys are gauges is known from the
/// owner's model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GaugeProblem {
    /// The model declares the key as a gauge, and it was to be added to.
    #[error(
        "{counter} is a gauge, so nothing was counted: record its readings (Counters::record), or \
         declare it in `keys(..)` instead of `gauges(..)`"
    )]
    #[non_exhaustive]
    IsGauge {
        /// The gauge.
        counter: CounterId,
    },

    /// The model counts the key, and a reading of it was to be recorded, which would have replaced
    /// what was counted.
    #[error(
        "{counter} is counted and no gauge, so nothing was recorded: set it (Counters::set), or \
         declare it in `gauges(..)` instead of `keys(..)`"
    )]
    #[non_exhaustive]
    IsCounted {
        /// The counter.
        counter: CounterId,
    },

    /// The gauge belongs to an owner that was merged into another one, and readings do not add up.
    #[error(
        "{counter} is a gauge, and readings of two owners do not add up, so it stays as it is: \
         record what is right for the owner that stays, and delete this one"
    )]
    #[non_exhaustive]
    NotMergeable {
        /// The gauge.
        counter: CounterId,
    },
}
