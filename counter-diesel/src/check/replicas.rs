//! Judges the facts about the replicas of a master, if one of them may take its place.

use counter_core::StoreFacts;

use super::diagnosis::Diagnosis;
use super::finding::{FindingCode as Code, Severity};

pub(super) fn judge(facts: &StoreFacts, diagnosis: &mut Diagnosis) {
    if facts.sentinel.known().is_none() && facts.cluster.known().is_none() {
        return;
    }
    if diagnosis.store_reported(&facts.replicas, "replicas") == Some(&0) {
        diagnosis.add(
            Severity::Warning,
            Code::StoreNotReplicated,
            "the master has no replica: none can take its place, and claims are applied that only \
             it has",
            "start a replica of it, or find out why none is connected",
        );
    }
    if diagnosis.store_reported(&facts.min_replicas, "min-replicas-to-write") == Some(&0) {
        diagnosis.add(
            Severity::Note,
            Code::StoreMinReplicas,
            "min-replicas-to-write is 0: a master that another one replaces goes on counting, and \
             what it counts from then on is lost",
            "set min-replicas-to-write to 1, on all servers; then a master without a replica \
             refuses increments",
        );
    }
}

#[cfg(test)]
mod tests {
    use counter_core::{ClusterFacts, Fact, SentinelFacts};

    use super::*;

    fn of_cluster(replicas: u64, min_replicas: Fact<u64>) -> StoreFacts {
        let mut facts = StoreFacts::default();
        facts.cluster = Fact::Known(ClusterFacts::default());
        (facts.replicas, facts.min_replicas) = (Fact::Known(replicas), min_replicas);
        facts
    }

    fn found(facts: &StoreFacts) -> Vec<(Severity, Code)> {
        let mut diagnosis = Diagnosis::default();
        judge(facts, &mut diagnosis);
        let findings = diagnosis.into_findings();
        findings.iter().map(|finding| (finding.severity, finding.code)).collect()
    }

    #[test]
    fn too_few_replicas_are_found_in_a_cluster_and_behind_sentinels() {
        assert_eq!(found(&of_cluster(2, Fact::Known(1))), []);
        let lonely = [(Severity::Warning, Code::StoreNotReplicated)];
        assert_eq!(found(&of_cluster(0, Fact::Known(1))), lonely);
        let lax = [(Severity::Note, Code::StoreMinReplicas)];
        assert_eq!(found(&of_cluster(2, Fact::Known(0))), lax);
        let unchecked = [(Severity::Warning, Code::StoreUnchecked)];
        assert_eq!(found(&of_cluster(2, Fact::Unknown("NOPERM".to_owned()))), unchecked);
        let mut behind_sentinels = of_cluster(0, Fact::Known(1));
        behind_sentinels.cluster = Fact::None;
        behind_sentinels.sentinel = Fact::Known(SentinelFacts::default());
        assert_eq!(found(&behind_sentinels), lonely);
    }

    #[test]
    fn a_server_that_no_other_replaces_needs_no_replica() {
        let mut alone = of_cluster(0, Fact::Known(0));
        alone.cluster = Fact::None;
        assert_eq!(found(&alone), []);
    }
}
