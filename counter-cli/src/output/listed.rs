use counter_diesel::Capped;

/// Returns a line for each that is listed, and one that says how many there are more.
pub(crate) fn listed<T>(
    findings: &Capped<T>,
    what: &str,
    line: impl Fn(&T) -> String,
) -> Vec<String> {
    let more = findings.count().saturating_sub(findings.iter().len() as u64);
    let rest = (more > 0).then(|| format!("{more} more {what}"));
    findings.iter().map(line).chain(rest).collect()
}
