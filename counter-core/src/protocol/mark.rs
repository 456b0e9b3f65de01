//! How a database and a store recognise each other. Each transaction that records leaves a mark in
//! both, and the two are compared before the next one records.

use std::fmt;
use std::str::FromStr;

/// The mark of one transaction in one row of the record: how many have recorded in that row, and a
/// random word.
///
/// The number alone would not do, because a copy of the database counts on by itself. As text it is
/// the number, a colon and the word in 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark {
    /// How many transactions have recorded in the row, this one included.
    pub number: i64,
    /// A random word that no other transaction has drawn, in any copy of the database.
    pub word: u64,
}

/// The text is not that of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a mark is a number above 0, a colon and 16 hexadecimal digits")]
pub struct MalformedMark;

/// The newest marks of one row of the record, oldest first. A row that was never written has none.
///
/// As text, they are separated by spaces.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Marks(Vec<Mark>);

/// How the marks of a row relate to the mark that the store noted last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kinship {
    /// The row has it.
    Same,
    /// The store has no mark of this row: it has noted none yet, or has lost it.
    Unnoted,
    /// The row has only newer ones, so the store went back.
    StoreBehind,
    /// The store has noted more transactions than the row knows: the database went back, or is a
    /// copy of the one that the store follows.
    DatabaseBehind,
    /// The row has another word under the number: it is in a copy of the database.
    OtherWord,
}

/// The outcome of a store's note of the marks that a row has, once they are committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteOutcome {
    /// The store takes them, in the place of older ones.
    Taken,
    /// The store has noted a later transaction, which knew the newest of them.
    Known,
    /// The store has noted transactions that are so much later that they do not say whether they
    /// knew the newest of them.
    Unproven,
    /// The store has noted a transaction in another copy of the database.
    Other,
}

impl NoteOutcome {
    /// Returns whether the transaction is certainly in the database that the store follows, so that
    /// its claims may be acknowledged.
    pub const fn is_proven(self) -> bool {
        matches!(self, Self::Taken | Self::Known)
    }
}

impl Kinship {
    /// Returns whether the database may be written to.
    pub const fn is_kin(self) -> bool {
        matches!(self, Self::Same | Self::Unnoted | Self::StoreBehind)
    }
}

impl Marks {
    /// How many marks a row keeps. A transaction that would add more lets the store note the newest
    /// one first.
    pub const MOST: usize = 64;

    /// Returns the newest mark, or `None` if no transaction has recorded in the row.
    pub fn newest(&self) -> Option<Mark> {
        self.0.last().copied()
    }

    /// Returns the oldest mark that is kept.
    pub fn oldest(&self) -> Option<Mark> {
        self.0.first().copied()
    }

    /// Returns the marks, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Mark> {
        self.0.iter().copied()
    }

    /// Returns how many transactions have recorded in the row.
    pub fn number(&self) -> i64 {
        self.newest().map_or(0, |mark| mark.number)
    }

    /// Returns whether another mark would be more than a row keeps, even after it drops those that
    /// are older than `noted`.
    pub fn is_full(&self, noted: Option<Mark>) -> bool {
        self.since(noted).len() >= Self::MOST
    }

    /// Compares the row with the mark that the store noted last.
    pub fn kinship(&self, noted: Option<Mark>) -> Kinship {
        let Some(noted) = noted else { return Kinship::Unnoted };
        if self.0.contains(&noted) {
            Kinship::Same
        } else if noted.number > self.number() {
            Kinship::DatabaseBehind
        } else if self.oldest().is_some_and(|oldest| noted.number < oldest.number) {
            Kinship::StoreBehind
        } else {
            Kinship::OtherWord
        }
    }

    /// Returns whether the store must have lost the mark that it noted last: it has none, although
    /// the row has dropped older marks, which it does only after a note.
    pub fn is_lost(&self, noted: Option<Mark>) -> bool {
        noted.is_none() && self.oldest().is_some_and(|oldest| oldest.number > 1)
    }

    /// Returns the row's marks after one more transaction: the mark that the store noted last, all
    /// later ones, and a new one.
    ///
    /// The last few are not enough: processes may die before the store notes a mark, so its note
    /// may be of any of them.
    #[must_use]
    pub fn after(&self, noted: Option<Mark>, word: u64) -> Self {
        let next = Mark { number: self.number().saturating_add(1), word };
        let kept = self.since(noted);
        // There are more only if the store cannot note them, because it is another one by now.
        let kept = kept.get((kept.len() + 1).saturating_sub(Self::MOST)..).unwrap_or_default();
        Self(kept.iter().copied().chain([next]).collect())
    }

    /// Returns the outcome if a store that noted `noted` last notes these marks. The store decides
    /// at one instant, as this function does.
    pub fn note_outcome(&self, noted: &Self) -> NoteOutcome {
        let (Some(newest), Some(noted_newest)) = (self.newest(), noted.newest()) else {
            return NoteOutcome::Taken;
        };
        if noted.0.contains(&newest) {
            NoteOutcome::Known
        } else if self.kinship(Some(noted_newest)).is_kin() {
            NoteOutcome::Taken
        } else if noted.oldest().is_some_and(|oldest| newest.number < oldest.number) {
            NoteOutcome::Unproven
        } else {
            NoteOutcome::Other
        }
    }

    /// Returns the row's marks after an operator has decided that this database is the right one:
    /// one alone, above all that the row and the store know.
    pub fn adopted(&self, noted: Option<Mark>, word: u64) -> Self {
        let known = self.number().max(noted.map_or(0, |noted| noted.number));
        Self(vec![Mark { number: known.saturating_add(1), word }])
    }

    fn since(&self, noted: Option<Mark>) -> &[Mark] {
        let at = self.0.iter().position(|mark| Some(*mark) == noted).unwrap_or_default();
        self.0.get(at..).unwrap_or_default()
    }
}

/// Marks of one row, oldest first.
impl FromIterator<Mark> for Marks {
    fn from_iter<I: IntoIterator<Item = Mark>>(marks: I) -> Self {
        Self(marks.into_iter().collect())
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{:016x}", self.number, self.word)
    }
}

impl FromStr for Mark {
    type Err = MalformedMark;

    fn from_str(text: &str) -> Result<Self, MalformedMark> {
        let (number, word) = text.split_once(':').ok_or(MalformedMark)?;
        let mark = Self {
            number: number.parse().map_err(|_| MalformedMark)?,
            word: u64::from_str_radix(word, 16).map_err(|_| MalformedMark)?,
        };
        // Other ways to write it are refused.
        if mark.number > 0 && mark.to_string() == text { Ok(mark) } else { Err(MalformedMark) }
    }
}

impl fmt::Display for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mark) in self.0.iter().enumerate() {
            let space = if index > 0 { " " } else { "" };
            write!(f, "{space}{mark}")?;
        }
        Ok(())
    }
}

impl FromStr for Marks {
    type Err = MalformedMark;

    fn from_str(text: &str) -> Result<Self, MalformedMark> {
        let marks = text.split(' ').filter(|text| !text.is_empty());
        marks.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn mark(number: i64, word: u64) -> Mark {
        Mark { number, word }
    }

    fn marks(range: std::ops::RangeInclusive<i64>) -> Marks {
        Marks(range.map(|number| mark(number, 7)).collect())
    }

    #[test]
    fn marks_are_read_as_they_are_written_and_not_otherwise() {
        for text in ["", "1:0000000000000007", "1:0000000000000007 2:ffffffffffffffff"] {
            assert_eq!(text.parse::<Marks>().unwrap().to_string(), text);
        }
        for text in
            ["0:0000000000000007", "1:7", "1", "x", "1:000000000000000G", "-1:0000000000000007"]
        {
            assert_eq!(text.parse::<Marks>(), Err(MalformedMark), "{text}");
        }
    }

    #[test]
    fn a_row_is_kin_to_what_the_store_noted_last_unless_that_cannot_come_from_the_row() {
        let row = marks(3..=5);
        assert_eq!(row.kinship(Some(mark(4, 7))), Kinship::Same);
        assert_eq!(row.kinship(Some(mark(2, 7))), Kinship::StoreBehind);
        assert_eq!(row.kinship(None), Kinship::Unnoted);
        assert_eq!(row.kinship(Some(mark(6, 7))), Kinship::DatabaseBehind);
        assert_eq!(row.kinship(Some(mark(4, 8))), Kinship::OtherWord);
        assert_eq!(Marks::default().kinship(Some(mark(1, 7))), Kinship::DatabaseBehind);
    }

    #[test]
    fn a_row_keeps_all_marks_since_the_last_note_and_no_more_than_it_may() {
        assert_eq!(marks(3..=5).after(Some(mark(4, 7)), 7), marks(4..=6));
        assert_eq!(marks(1..=2).after(None, 7), marks(1..=3));
        assert_eq!(Marks::default().after(None, 7), marks(1..=1));
        let full = marks(1..=64);
        assert!(full.is_full(Some(mark(1, 7))) && !full.is_full(Some(mark(2, 7))));
        assert_eq!(full.after(None, 7), marks(2..=65));
    }

    #[test]
    fn a_mark_is_lost_only_if_the_store_has_noted_one() {
        assert!(!marks(1..=5).is_lost(None) && !Marks::default().is_lost(None));
        assert!(marks(2..=5).is_lost(None) && !marks(2..=5).is_lost(Some(mark(1, 7))));
    }

    #[test]
    fn a_store_takes_newer_marks_of_the_same_row_alone() {
        let noted = marks(3..=5);
        assert_eq!(marks(5..=6).note_outcome(&noted), NoteOutcome::Taken);
        assert_eq!(marks(6..=7).note_outcome(&noted), NoteOutcome::Taken, "the store went back");
        assert_eq!(marks(3..=4).note_outcome(&noted), NoteOutcome::Known);
        assert_eq!(marks(1..=2).note_outcome(&noted), NoteOutcome::Unproven);
        assert_eq!(marks(4..=5).after(None, 8).note_outcome(&noted), NoteOutcome::Taken);
        let of_copy = marks(3..=4).after(None, 8);
        assert_eq!(of_copy.note_outcome(&noted), NoteOutcome::Other);
        assert_eq!(of_copy.after(None, 7).note_outcome(&noted), NoteOutcome::Other);
        assert_eq!(marks(1..=1).note_outcome(&Marks::default()), NoteOutcome::Taken);
    }

    #[test]
    fn an_adopted_row_is_above_all_and_knows_nothing_else() {
        assert_eq!(marks(3..=5).adopted(Some(mark(9, 1)), 7), marks(10..=10));
        assert_eq!(marks(3..=5).adopted(None, 7), marks(6..=6));
    }
}
