use counter_diesel::sync::Capped;

/// Returns a line for each that is listed, and one with the number of those that are not.
pub(crate) fn listed<T>(
    findings: &Capped<T>,
    what: &str,
    line: impl Fn(&T) -> String,
) -> Vec<String> {
    let more = findings.count().saturating_sub(findings.iter().len() as u64);
    let rest = (more > 0).then(|| format!("{more} more {what}"));
    findings.iter().map(line).chain(rest).collect()
}
