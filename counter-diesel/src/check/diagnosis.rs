use std::borrow::Cow;

use counter_core::{Fact, Printable};

use super::finding::{Finding, FindingCode, Severity};

/// The findings so far.
#[derive(Debug, Default)]
pub(super) struct Diagnosis {
    findings: Vec<Finding>,
    unchecked: Vec<Unchecked>,
}

/// The facts that could not be read, for one reason.
#[derive(Debug)]
struct Unchecked {
    code: FindingCode,
    subjects: Vec<&'static str>,
    why: String,
}

impl Diagnosis {
    pub(super) fn add(
        &mut self,
        severity: Severity,
        code: FindingCode,
        message: impl Into<String>,
        advice: impl Into<Cow<'static, str>>,
    ) {
        self.findings.push(Finding::new(severity, code, message.into(), advice));
    }

    pub(super) fn take(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Returns what the store reported, if it did. Adds a finding if the store was asked and did
    /// not answer.
    pub(super) fn store_reported<'a, T>(
        &mut self,
        fact: &'a Fact<T>,
        subject: &'static str,
    ) -> Option<&'a T> {
        self.reported(FindingCode::StoreUnchecked, fact, subject)
    }

    /// Returns what the database reported, as [`store_reported`](Self::store_reported) does.
    pub(super) fn database_reported<'a, T>(
        &mut self,
        fact: &'a Fact<T>,
        subject: &'static str,
    ) -> Option<&'a T> {
        self.reported(FindingCode::DatabaseUnchecked, fact, subject)
    }

    fn reported<'a, T>(
        &mut self,
        code: FindingCode,
        fact: &'a Fact<T>,
        subject: &'static str,
    ) -> Option<&'a T> {
        if let Some(why) = fact.why_unknown() {
            self.unchecked(code, subject, why);
        }
        fact.known()
    }

    pub(super) fn store_unchecked(&mut self, subject: &'static str, why: &str) {
        self.unchecked(FindingCode::StoreUnchecked, subject, why);
    }

    pub(super) fn database_unchecked(&mut self, subject: &'static str, why: &str) {
        self.unchecked(FindingCode::DatabaseUnchecked, subject, why);
    }

    /// Facts are often refused for one reason, which is reported once.
    fn unchecked(&mut self, code: FindingCode, subject: &'static str, why: &str) {
        let same = self.unchecked.iter_mut().find(|other| other.code == code && other.why == why);
        match same {
            Some(same) => same.subjects.push(subject),
            None => {
                self.unchecked.push(Unchecked {
                    code,
                    subjects: vec![subject],
                    why: why.to_owned(),
                });
            }
        }
    }

    pub(super) fn into_findings(mut self) -> Vec<Finding> {
        for Unchecked { code, subjects, why } in std::mem::take(&mut self.unchecked) {
            let message =
                format!("could not be checked: {}: {}", subjects.join(", "), Printable(&why));
            self.add(
                Severity::Warning,
                code,
                message,
                "give the user the right to ask for it, or make sure of it by other means",
            );
        }
        self.put_node_first();
        self.findings
    }

    /// A node of a cluster that is used as a single server answers many questions by naming another
    /// node. Those findings follow from this one, which is the one to act on.
    fn put_node_first(&mut self) {
        let is_node = |finding: &Finding| finding.code == FindingCode::StoreInCluster;
        let Some(at) = self.findings.iter().position(is_node) else { return };
        let node = self.findings.remove(at);
        let follows = |finding: &Finding| {
            ["MOVED ", "CROSSSLOT"].iter().any(|answer| finding.message.contains(answer))
        };
        self.findings.retain(|finding| !follows(finding));
        self.findings.insert(0, node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_of_a_cluster_is_found_first_and_without_what_follows_from_it() {
        let mut diagnosis = Diagnosis::default();
        let mut add = |code, message: &str| diagnosis.add(Severity::Error, code, message, "");
        add(FindingCode::StoreRefusesIncrements, "refused: MOVED 6961 127.0.0.1:7002");
        add(FindingCode::StoreEvicts, "allkeys-lru");
        add(FindingCode::StoreInCluster, "it is a node");
        diagnosis.store_unchecked("expiries", "CROSSSLOT Keys in request don't hash to it");
        diagnosis.store_unchecked("generation", "NOPERM");
        let found = diagnosis.into_findings();
        let found = found.iter().map(|finding| finding.code).collect::<Vec<_>>();
        use FindingCode::{StoreEvicts, StoreInCluster, StoreUnchecked};
        assert_eq!(found, [StoreInCluster, StoreEvicts, StoreUnchecked]);
    }
}
