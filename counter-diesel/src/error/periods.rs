//! Messages about periods that cannot be read or changed.

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use counter_core::{CounterKey, Grain, Printable};

/// Returns an instant as it is written in errors.
pub(super) fn time(at: &DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

pub(super) fn not_kept(
    key: &CounterKey,
    grain: Grain,
    stored: &[Grain],
    since: Option<NaiveDateTime>,
) -> String {
    let key = Printable(key.as_str());
    if let Some(since) = since {
        return format!(
            "the counter {key} is kept by {} since {}, and a {grain} before that was asked for: \
             ask for later ones, or only for what is kept (Span::kept, --kept)",
            list(stored),
            since.format("%Y-%m-%dT%H:%M")
        );
    }
    match stored {
        [] => format!("the counter {key} is not kept by {grain}: {}", by_none(grain)),
        stored => format!(
            "the counter {key} is not kept by {grain}: it is counted by {}, which does not add up \
             to that",
            list(stored)
        ),
    }
}

pub(super) fn too_many(key: &CounterKey, grain: Grain, periods: u64, most: u64) -> String {
    format!(
        "the span has {periods} periods of the counter {} by {grain}, but at most {most} are added \
         up: ask for a part of it, or count the key by a longer grain too, as in \
         `every({grain}, month)`",
        Printable(key.as_str())
    )
}

pub(super) fn not_stored(key: &CounterKey, grain: Grain, stored: &[Grain]) -> String {
    let key = Printable(key.as_str());
    match stored {
        [] => format!("a {grain} of the counter {key} cannot be changed: {}", by_none(grain)),
        stored => format!(
            "a {grain} of the counter {key} cannot be changed, because it has no bucket: only what \
             it is counted by can be, which is {}",
            list(stored)
        ),
    }
}

/// What can be rolled up.
pub(super) const ROLL_UP: &str = "days are rolled up into weeks, months, quarters or years, months \
                                  into quarters or years, and quarters into years, each once it is \
                                  not kept any more";

fn by_none(grain: Grain) -> String {
    format!(
        "no period of it is counted as far as this process knows: declare it in the model, as in \
         `every({grain})`, and where owners are known by text name the model: builder.model()"
    )
}

fn list(grains: &[Grain]) -> String {
    grains.iter().map(|grain| grain.as_str()).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_what_is_counted_instead() {
        let key = CounterKey::new("views").unwrap();
        let stored = [Grain::Hour, Grain::Week];
        let expected = "the counter views is not kept by month: it is counted by hour and week, \
                        which does not add up to that";
        assert_eq!(not_kept(&key, Grain::Month, &stored, None), expected);
        assert!(not_kept(&key, Grain::Day, &[], None).contains("`every(day)`"));
        let since = "2026-12-01T00:00:00".parse().ok();
        let since = not_kept(&key, Grain::Month, &[Grain::Day], since);
        assert!(since.contains("kept by day since 2026-12-01T00:00, and a month"), "{since}");
        let many = too_many(&key, Grain::Hour, 8_766_000, 100_000);
        assert!(many.contains("8766000 periods of the counter views by hour, but at most 100000"));
        assert!(not_stored(&key, Grain::Month, &stored).ends_with("hour and week"));
        assert!(not_stored(&key, Grain::Day, &[]).contains("`every(day)`"));
    }
}
