use heck::ToUpperCamelCase;
use proc_macro2::Ident;

use crate::mistakes::Mistakes;

/// The grains, from the shortest to the longest.
const ALL: [&str; 6] = ["hour", "day", "week", "month", "quarter", "year"];

/// The similarity, from 0 to 1, from which a word counts as a misspelt grain: `days`, `mounth`.
const ALIKE: f64 = 0.75;

/// Returns the variants of the grains of a key, or `None` if one is unknown or named twice.
pub(super) fn check(grains: &[Ident], mistakes: &mut Mistakes) -> Option<Vec<Ident>> {
    let mut variants = Vec::<Ident>::with_capacity(grains.len());
    let mut is_valid = true;
    for grain in grains {
        let variant = Ident::new(&grain.to_string().to_upper_camel_case(), grain.span());
        if !ALL.iter().any(|known| grain == known) {
            mistakes.add(grain, unknown(&grain.to_string()));
            is_valid = false;
        } else if variants.contains(&variant) {
            mistakes.add(grain, format!("`{grain}` is named twice: remove one"));
            is_valid = false;
        } else {
            variants.push(variant);
        }
    }
    is_valid.then_some(variants)
}

fn unknown(grain: &str) -> String {
    let alike = ALL.into_iter().map(|known| (strsim::jaro_winkler(grain, known), known));
    let nearest =
        alike.filter(|(alike, _)| *alike >= ALIKE).max_by(|(a, _), (b, _)| a.total_cmp(b));
    match nearest {
        Some((_, nearest)) => format!("unknown grain: did you mean `{nearest}`?"),
        None => format!(
            "unknown grain: expected one of {}",
            ALL.map(|name| format!("`{name}`")).join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::unknown;

    #[test]
    fn a_slip_of_the_pen_finds_the_grain_that_was_meant() {
        for (slip, meant) in
            [("days", "day"), ("hours", "hour"), ("mounth", "month"), ("yaer", "year")]
        {
            assert_eq!(unknown(slip), format!("unknown grain: did you mean `{meant}`?"));
        }
        assert!(unknown("minute").ends_with("`hour`, `day`, `week`, `month`, `quarter`, `year`"));
    }
}
