//! What is counted in a log, by awk, which knows nothing of the example, and in the tables.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Hits, bytes and errors of each page.
pub(crate) type Counts = BTreeMap<String, [i64; 3]>;

/// The keys of a page's counters, in the order of [`Counts`].
const KEYS: [&str; 3] = ["hits", "bytes", "errors"];

/// Returns what awk counts in a log.
pub(crate) fn counts_by_awk(log: &Path) -> Counts {
    let script = r#"{ hits[$7]++; bytes[$7] += ($10 == "-" ? 0 : $10); errors[$7] += ($9 >= 400) }
        END { for (path in hits) printf "%s %d %d %d\n", path, hits[path], bytes[path], errors[path] }"#;
    let output = Command::new("awk").arg(script).arg(log).output().unwrap();
    let parse = |line: &str| {
        let mut fields = line.split(' ');
        let path = fields.next().unwrap().to_owned();
        (path, std::array::from_fn(|_| fields.next().unwrap().parse().unwrap()))
    };
    String::from_utf8(output.stdout).unwrap().lines().map(parse).collect()
}

/// Returns what rows of a path, a key and a count say.
pub(crate) fn counts_of_rows(rows: impl IntoIterator<Item = (String, String, i64)>) -> Counts {
    let mut counts = Counts::new();
    for (path, key, count) in rows {
        let place = KEYS.iter().position(|known| *known == key).unwrap();
        counts.entry(path).or_default()[place] = count;
    }
    counts
}

/// Returns the sums of two logs, or of one taken twice.
pub(crate) fn sum(first: &Counts, second: &Counts) -> Counts {
    let mut counts = first.clone();
    for (path, more) in second {
        let place = counts.entry(path.clone()).or_default();
        *place = std::array::from_fn(|index| place[index] + more[index]);
    }
    counts
}
