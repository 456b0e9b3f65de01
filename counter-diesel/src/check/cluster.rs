//! Judges the facts about a cluster, and about a server that is a node of one.

use counter_core::{ClusterFacts, Fact, Prefix, StoreFacts};

use super::diagnosis::Diagnosis;
use super::finding::{FindingCode as Code, Severity};

/// Returns the node that is followed: the slot and its address.
pub(super) fn owner_of(facts: &StoreFacts) -> Option<String> {
    let ClusterFacts { slot, owner, .. } = facts.cluster.known()?;
    Some(format!("slot {slot} at {}", owner.as_ref()?))
}

pub(super) fn judge(facts: &StoreFacts, prefix: &Prefix, diagnosis: &mut Diagnosis) {
    match &facts.cluster {
        Fact::Known(cluster) => {
            judge_moving(cluster, diagnosis);
            judge_coverage(cluster, diagnosis);
        }
        _ if diagnosis.store_reported(&facts.in_cluster, "cluster") == Some(&true) => {
            judge_node(prefix, diagnosis);
        }
        _ => {}
    }
}

fn judge_moving(cluster: &ClusterFacts, diagnosis: &mut Diagnosis) {
    if diagnosis.store_reported(&cluster.is_moving, "CLUSTER NODES") != Some(&true) {
        return;
    }
    diagnosis.add(
        Severity::Warning,
        Code::SlotMoving,
        format!(
            "a slot of the node that has slot {} is on its way to another node: its increments \
             count, but syncs leave it alone and sets fail until it has arrived",
            cluster.slot
        ),
        "if no resharding is going on, one was broken off: run redis-cli --cluster fix",
    );
}

fn judge_coverage(cluster: &ClusterFacts, diagnosis: &mut Diagnosis) {
    if diagnosis.store_reported(&cluster.full_coverage, "cluster-require-full-coverage")
        == Some(&true)
    {
        diagnosis.add(
            Severity::Note,
            Code::ClusterFullCoverage,
            "cluster-require-full-coverage is yes: while one slot has no master, no counter of any \
             slot is counted",
            "set it to no, on all nodes",
        );
    }
}

/// Nothing follows the slot when it moves, and without a tag scripts are refused too.
fn judge_node(prefix: &Prefix, diagnosis: &mut Diagnosis) {
    let is_pinned = prefix.as_str().contains('{');
    let severity = if is_pinned { Severity::Warning } else { Severity::Error };
    let message = if is_pinned {
        "the server is a node of a cluster: when the slot of the prefix moves to another, nothing \
         follows it"
    } else {
        "the server is a node of a cluster, which refuses scripts over names of several slots"
    };
    let advice = "write redis+cluster:// in the URL, and name some of the nodes";
    diagnosis.add(severity, Code::StoreInCluster, message, advice);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(facts: &StoreFacts, prefix: &str) -> Vec<(Severity, Code)> {
        let mut diagnosis = Diagnosis::default();
        judge(facts, &prefix.parse().unwrap(), &mut diagnosis);
        let findings = diagnosis.into_findings();
        findings.iter().map(|finding| (finding.severity, finding.code)).collect()
    }

    fn in_cluster(is_moving: bool) -> StoreFacts {
        let mut cluster = ClusterFacts::default();
        (cluster.slot, cluster.owner) = (7, Some("10.0.0.1:6379".to_owned()));
        cluster.is_moving = Fact::Known(is_moving);
        let mut facts = StoreFacts::default();
        (facts.in_cluster, facts.cluster) = (Fact::Known(true), Fact::Known(cluster));
        facts
    }

    #[test]
    fn a_slot_is_followed_and_found_while_it_moves() {
        assert_eq!(found(&in_cluster(false), "{counter}:"), []);
        let mut covered = in_cluster(false);
        let mut cluster = covered.cluster.known().unwrap().clone();
        cluster.full_coverage = Fact::Known(true);
        covered.cluster = Fact::Known(cluster);
        assert_eq!(found(&covered, "{counter}:"), [(Severity::Note, Code::ClusterFullCoverage)]);
        let moving = [(Severity::Warning, Code::SlotMoving)];
        assert_eq!(found(&in_cluster(true), "{counter}:"), moving);
        assert_eq!(owner_of(&in_cluster(false)).as_deref(), Some("slot 7 at 10.0.0.1:6379"));
    }

    #[test]
    fn a_node_that_is_used_as_a_server_is_worse_without_a_tag() {
        let mut facts = in_cluster(false);
        facts.cluster = Fact::None;
        let found = |prefix| found(&facts, prefix);
        assert_eq!(found("counter:"), [(Severity::Error, Code::StoreInCluster)]);
        assert_eq!(found("{counter}:"), [(Severity::Warning, Code::StoreInCluster)]);
    }
}
