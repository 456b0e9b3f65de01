//! How a batch of claims gets into the table: applied in one transaction, divided where the
//! database does not take it, and settled once that is over.

pub(crate) mod applier;
pub(crate) mod apply;
pub(crate) mod batch;
pub(crate) mod coin;
pub(crate) mod division;
pub(crate) mod gone;
pub(crate) mod halving;
pub(crate) mod hold;
pub(crate) mod manner;
pub(crate) mod numbering;
pub(crate) mod settled;
pub(crate) mod settlement;
pub(crate) mod verification;
