//! Reads the values that this store keeps in Redis.

use super::found;
use crate::error::BoxError;
use crate::id::{CounterId, canonical_i64};
use crate::names::{Foreign, Slot};
use crate::protocol::{Claim, ClaimSeq, Generation, Holding};
use crate::redis::connection::{Names, Reply, ScriptAnswer, Unexpected};
use crate::store::NotedRow;

/// The greatest high water from which a script goes on. Up to here, and for a long time above, a
/// double counts in ones.
const GREATEST_HIGH_WATER: ClaimSeq = ClaimSeq::new(9_007_199_254_000_000);

/// The constants of a script that begins with count.lua.
pub(crate) const COUNT_CONSTANTS: &[i64] = &[ClaimSeq::GREATEST.get()];

/// The constants of a script that begins with count.lua and sequence.lua.
pub(crate) const SEQUENCE_CONSTANTS: &[i64] =
    &[GREATEST_HIGH_WATER.get(), ClaimSeq::GREATEST.get()];

/// Returns the high water of a slot from the reply to a GET of it.
pub(crate) fn parse_high_water(
    names: &Names,
    slot: Slot,
    reply: Reply,
) -> Result<ClaimSeq, BoxError> {
    match reply.into_text()? {
        None => Ok(ClaimSeq::ZERO),
        Some(text) => parse_sequence(&text)
            .filter(|newest| *newest <= GREATEST_HIGH_WATER)
            .ok_or_else(|| found::not_a_sequence(names, slot, &text).into()),
    }
}

/// Returns the sequence that is the text of a script's answer.
pub(crate) fn answered_sequence(answer: &ScriptAnswer) -> Result<ClaimSeq, BoxError> {
    parse_sequence(&answer.text).ok_or_else(|| Unexpected.into())
}

fn parse_sequence(text: &[u8]) -> Option<ClaimSeq> {
    let number = parse_count(text)?;
    (number >= 0).then(|| ClaimSeq::new(number))
}

pub(crate) fn parse_count(value: &[u8]) -> Option<i64> {
    canonical_i64(str::from_utf8(value).ok()?)
}

/// Returns the claim of `id` whose text this is.
pub(crate) fn parse_claim(id: &CounterId, text: &[u8]) -> Option<Claim> {
    Claim::from_text(id.clone(), str::from_utf8(text).ok()?).ok()
}

/// Returns the generation from the value of `{prefix}{id}`: the store's id, which has no colon, a
/// colon, and the database's id.
pub(crate) fn parse_generation(
    value: Vec<u8>,
    high_water: ClaimSeq,
) -> Result<Generation, BoxError> {
    let value = String::from_utf8(value)?;
    let (store_id, database) = value.split_once(':').ok_or(Unexpected)?;
    let (store_id, database) = (store_id.to_owned(), database.to_owned());
    Ok(Generation::new(store_id, database, high_water))
}

/// Returns what the store has noted of a row of the record, from its field in `{prefix}{marks}`:
/// the number of the row, and the newest sequence of the row, a space and its marks.
pub(crate) fn parse_noted(field: &[u8], value: &[u8]) -> Option<NotedRow> {
    let (seq, marks) = str::from_utf8(value).ok()?.split_once(' ')?;
    Some(NotedRow {
        writer: parse_count(field)?,
        seq: parse_sequence(seq.as_bytes())?,
        marks: marks.parse().ok()?,
        decision: None,
    })
}

/// Returns the value that [`parse_noted`] reads.
pub(crate) fn noted_text(noted: &NotedRow) -> String {
    format!("{} {}", noted.seq, noted.marks)
}

/// Returns what a counter holds, from the values of its two names.
pub(crate) fn parse_held(
    names: &Names,
    id: &CounterId,
    pending: Option<Vec<u8>>,
    claim: Option<Vec<u8>>,
) -> Result<Holding, Foreign> {
    let pending = match pending {
        None => 0,
        Some(value) => parse_count(&value).ok_or_else(|| found::not_a_count(names, id, &value))?,
    };
    let claim = match claim {
        None => None,
        Some(value) => {
            let claim = parse_claim(id, &value);
            Some(claim.ok_or_else(|| found::not_a_claim(names, id, &value))?)
        }
    };
    Ok(Holding { pending, claim })
}

/// Returns the microseconds of the reply to TIME: seconds and microseconds, each as a text.
pub(crate) fn parse_time(reply: Reply) -> Result<i64, BoxError> {
    let mut numbers = reply.into_array()?.into_iter().map(|number| {
        let text = number.into_text()?.ok_or(Unexpected)?;
        Ok::<i64, BoxError>(str::from_utf8(&text)?.parse()?)
    });
    let (Some(seconds), Some(micros)) = (numbers.next(), numbers.next()) else {
        return Err(Unexpected.into());
    };
    let seconds = seconds?.checked_mul(1_000_000).ok_or(Unexpected)?;
    Ok(seconds.checked_add(micros?).ok_or(Unexpected)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_any_form_is_a_time_or_an_error() {
        let text = |text: &str| Reply::Text(text.as_bytes().to_vec());
        let time = |items: Vec<Reply>| parse_time(Reply::Array(items)).ok();
        assert_eq!(time(vec![text("12"), text("34")]), Some(12_000_034));
        assert_eq!(time(vec![text("12")]), None);
        assert_eq!(time(vec![text("9223372036854775807"), text("0")]), None);
        assert_eq!(time(vec![text("a"), text("0")]), None);
        assert_eq!(time(vec![Reply::Int(1), Reply::Nil]), None);
    }
}
