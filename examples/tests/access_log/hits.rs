//! Hits by the times in a log, by awk.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Returns the hits of each hour or day of a log whose times are in UTC, by the label that has this
/// many characters without the minutes.
pub(crate) fn hits_by_awk(log: &Path, grain: &str, length: usize) -> BTreeMap<String, i64> {
    let script = r#"BEGIN { split("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", names, " ")
            for (number in names) months[names[number]] = number }
        { day = substr($4, 2, 2); month = months[substr($4, 5, 3)]; year = substr($4, 9, 4)
          hits[substr(sprintf("%s-%02d-%sT%s", year, month, day, substr($4, 14, 2)), 1, length_of)]++ }
        END { for (label in hits) printf "%s:%s %d\n", grain, label, hits[label] }"#;
    let mut awk = Command::new("awk");
    awk.arg("-v").arg(format!("grain={grain}")).arg("-v").arg(format!("length_of={length}"));
    let output = awk.arg(script).arg(log).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let hits = lines.lines().map(|line| line.split_once(' ').unwrap());
    hits.map(|(label, count)| (label.to_owned(), count.parse().unwrap())).collect()
}
