//! The rules of counting exactly once, as pure data and functions. No I/O may enter here.

mod claim;
mod generation;
mod holding;
mod mark;
mod number;
mod rules;
mod seen;

pub use claim::{Claim, ClaimOp, ClaimSeq};
pub use generation::Generation;
pub use holding::Holding;
pub use mark::{Kinship, MalformedMark, Mark, Marks, NoteOutcome};
pub use number::StoreNumber;
pub use rules::{Baseline, Overflow, ValueError, value};
pub use seen::Seen;
