//! Finding the bad rows of a batch by halves.

use std::mem;

use counter_core::Claim;

use crate::sync::batches::batch::Batch;
use crate::sync::batches::coin::Coin;

/// Single claims refused in a row, with nothing applied in between, after which a batch is divided
/// at another place.
const MOST_REFUSED: u32 = 8;

/// Places of a batch at which so many are refused, with nothing applied anywhere, after which it is
/// left alone: its two ends, because counters of one kind are beside each other, and some at
/// random. A constraint that refuses a whole kind of counter costs a batch this much.
const MOST_PLACES: u32 = 4;

/// As [`MOST_PLACES`], once anything was applied, because there may be more: if nine of ten rows
/// are bad, so many in a row are refused once in 700,000 times.
const MORE_PLACES: u32 = 16;

/// How often the parts of a batch are tried, beside once for each of its claims. Halving a batch to
/// the end takes less than two tries for each claim, so one of the usual size is divided in one
/// pass, and of the largest each pass settles about half.
const MORE_TRIES: usize = 1_000;

/// The claims that a divider has not tried to the end.
#[derive(Debug, Default)]
pub(crate) struct LeftOver {
    pub(crate) claims: Vec<Claim>,
    /// Whether nothing of their batch was applied, so that the next pass would find the same.
    pub(crate) is_hopeless: bool,
}

/// The parts of a batch that the database refused as a whole.
///
/// Bad rows are found at the cost of a bounded number of tries in each pass, wherever they are: a
/// refused part is halved, and which half comes first is mostly left to chance. So each pass looks
/// at other rows first, and what was refused by itself does not come back beside the others, but
/// after its backoff.
#[derive(Debug)]
pub(crate) struct Halving {
    /// The last one is halved first.
    parts: Vec<Batch>,
    coin: Coin,
    tries_left: usize,
    /// Single claims that were refused since anything was applied.
    refused_in_a_row: u32,
    has_applied: bool,
    /// How many places were left.
    place: u32,
    /// Whether the next part to be halved is one from another place.
    moves_on: bool,
}

impl Halving {
    /// Returns nothing yet, of a batch of so many claims.
    pub(crate) const fn of_batch(claims: usize, coin: Coin) -> Self {
        Self {
            parts: Vec::new(),
            coin,
            tries_left: claims.saturating_add(MORE_TRIES),
            refused_in_a_row: 0,
            has_applied: false,
            place: 0,
            moves_on: false,
        }
    }

    /// Adds a part that was refused.
    pub(crate) fn push(&mut self, part: Batch) {
        self.parts.push(part);
    }

    /// Notes that a single claim was refused.
    pub(crate) const fn note_refused(&mut self) {
        self.refused_in_a_row += 1;
        self.moves_on |= self.refused_in_a_row.is_multiple_of(MOST_REFUSED);
    }

    /// Notes that something was applied.
    pub(crate) const fn note_applied(&mut self) {
        self.refused_in_a_row = 0;
        self.has_applied = true;
    }

    /// Returns the halves of a part, which are tried next; nothing where the rest is left over.
    pub(crate) fn next_halves(&mut self) -> Vec<Batch> {
        let Some(part) = self.next() else { return Vec::new() };
        let mut halves = part.parts(2);
        let is_last_first = match self.place {
            0 => false,
            1 => true,
            _ => self.coin.is_heads(),
        };
        if is_last_first {
            halves.reverse();
        }
        self.tries_left = self.tries_left.saturating_sub(halves.len());
        halves
    }

    /// Returns a part to be halved: the last that was refused, because what is wrong with it is
    /// nearly alone; or the largest, where much was refused in a row.
    fn next(&mut self) -> Option<Batch> {
        if self.is_stuck() || self.tries_left == 0 {
            return None;
        }
        if !mem::take(&mut self.moves_on) {
            return self.parts.pop();
        }
        self.place += 1;
        let sizes = self.parts.iter().map(|part| part.claims.len()).enumerate();
        let (largest, _) = sizes.max_by_key(|(_, size)| *size)?;
        Some(self.parts.swap_remove(largest))
    }

    const fn is_stuck(&self) -> bool {
        let places = if self.has_applied { MORE_PLACES } else { MOST_PLACES };
        self.refused_in_a_row >= MOST_REFUSED * places
    }

    /// Returns what is not halved any more.
    pub(crate) fn left_over(self) -> LeftOver {
        let is_hopeless = !self.has_applied && self.is_stuck();
        let claims = self.parts.into_iter().flat_map(|part| part.claims).collect();
        LeftOver { claims, is_hopeless }
    }
}
