//! Why claims are not in the store any more.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use counter_core::{
    Claim, ClaimSeq, DeltaStore, ForgottenPart, PartSeq, PartsRecall, StoreGeneration, StoreParts,
};

use crate::engine::age::{RECALL_WITHIN, went_back};
use crate::error::Error;

/// A claim, and the id that the store had when it was made, if that is known.
pub(crate) type Made = (Claim, Option<Arc<str>>);

/// Why a claim is not in the store any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Absence {
    /// The claim was acknowledged, deleted or lost. As far as the store remembers it gave the claim
    /// out, or it has lost its data since.
    Removed,
    /// The store came back from an older copy since, and an operator has decided about that copy.
    Decided,
    /// The claim's part of the store came back from an older copy since.
    PartWentBack(ForgottenPart),
    /// The claim's part of the store does not answer, for this reason.
    Unknown(String),
}

/// Asks why claims are gone, and returns the answers in their order. If the store does not remember
/// giving a claim out, what was claimed is pending again.
///
/// # Errors
///
/// [`StoreWentBack`](counter_core::Error::StoreWentBack) if the store came back from an old copy
/// and an operator has not decided yet.
pub(crate) fn absences(store: &dyn DeltaStore, gone: &[Made]) -> Result<Vec<Absence>, Error> {
    let Some(generation) = store.generation() else {
        return Ok(vec![Absence::Removed; gone.len()]);
    };
    let mut absences = vec![Absence::Removed; gone.len()];
    let mut by_id = BTreeMap::<&str, Vec<(&Claim, &mut Absence)>>::new();
    for ((claim, store_id), absence) in gone.iter().zip(&mut absences) {
        if let Some(store_id) = store_id {
            by_id.entry(store_id).or_default().push((claim, absence));
        }
    }
    for (store_id, of_id) in by_id {
        match generation.parts() {
            Some(parts) => ask_parts(parts, store_id, of_id)?,
            None => ask_store(generation, store_id, of_id)?,
        }
    }
    Ok(absences)
}

fn ask_store(
    generation: &dyn StoreGeneration,
    store_id: &str,
    gone: Vec<(&Claim, &mut Absence)>,
) -> Result<(), Error> {
    let asked = gone.iter().map(|(claim, _)| claim.seq).collect::<Vec<_>>();
    let recall = generation.recall(store_id, &asked, RECALL_WITHIN)?;
    let is_same = recall.store_id.as_deref() == Some(store_id);
    let found = recall.high_water;
    // A store without its high water does not know why.
    if !is_same || found == ClaimSeq::ZERO {
        return Ok(());
    }
    let accepted = recall.accepted;
    if let Some(seq) = recall.forgotten.into_iter().find(|seq| *seq > accepted) {
        return Err(went_back(found, &[seq]));
    }
    for (claim, absence) in gone {
        if claim.seq <= accepted {
            *absence = Absence::Decided;
        }
    }
    Ok(())
}

/// Asks a part under any id, because it may have come back from before the present one.
fn ask_parts(
    parts: &dyn StoreParts,
    store_id: &str,
    gone: Vec<(&Claim, &mut Absence)>,
) -> Result<(), Error> {
    let of_claim = |claim: &Claim| PartSeq { part: parts.part_of(&claim.id), seq: claim.seq };
    let asked = gone.iter().map(|(claim, _)| of_claim(claim)).collect::<Vec<_>>();
    let PartsRecall { forgotten, accepted, unanswered } =
        parts.recall_parts(store_id, &asked, RECALL_WITHIN)?;
    // A part without its high water does not know why.
    let gone_back = forgotten.into_iter().filter(|part| part.found > ClaimSeq::ZERO);
    let gone_back = gone_back.map(|part| (part.part, part)).collect::<HashMap<_, _>>();
    let accepted = accepted.into_iter().map(|it| (it.part, it.seq)).collect::<HashMap<_, _>>();
    let unanswered = unanswered.into_iter().collect::<HashMap<_, _>>();
    for ((_, absence), PartSeq { part, seq }) in gone.into_iter().zip(asked) {
        *absence = if let Some(why) = unanswered.get(&part) {
            Absence::Unknown(why.clone())
        } else if let Some(part) = gone_back.get(&part) {
            Absence::PartWentBack(*part)
        } else if accepted.get(&part).is_some_and(|accepted| seq <= *accepted) {
            Absence::Decided
        } else {
            Absence::Removed
        };
    }
    Ok(())
}
