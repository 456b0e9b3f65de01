//! What awk counts in a log, which knows nothing of the example.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Hits, bytes and errors of each page.
pub(crate) type Counts = BTreeMap<String, [i64; 3]>;

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
