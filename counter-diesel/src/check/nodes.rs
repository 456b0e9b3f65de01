//! Judges the facts about each server of a store: about the only one, or about all masters of a
//! cluster.

use counter_core::{ClusterFacts, Fact, Prefix, Printable, StoreFacts};

use super::diagnosis::Diagnosis;
use super::finding::{Finding, FindingCode as Code, Severity};
use super::{cluster, replicas, store};

/// Judges each server. What is found at some masters of a cluster, but not at all of them, names
/// those.
pub(super) fn judge(facts: &StoreFacts, prefix: &Prefix, diagnosis: &mut Diagnosis) {
    let Some(ClusterFacts { owner, others, .. }) =
        facts.cluster.known().filter(|cluster| !cluster.others.is_empty())
    else {
        return judge_one(facts, prefix, diagnosis);
    };
    let owner = owner.as_deref().unwrap_or("the node of the id");
    let mut found: Vec<(Finding, Vec<&str>)> = Vec::new();
    let reported =
        others.iter().filter_map(|(node, reported)| Some((node.as_str(), reported.known()?)));
    let nodes = [(owner, facts)].into_iter().chain(reported).collect::<Vec<_>>();
    for (node, facts) in &nodes {
        let mut of_node = Diagnosis::default();
        judge_one(facts, prefix, &mut of_node);
        for finding in of_node.into_findings() {
            match found.iter_mut().find(|(known, _)| *known == finding) {
                Some((_, at)) => at.push(node),
                None => found.push((finding, vec![node])),
            }
        }
    }
    for (mut finding, at) in found {
        if at.len() < nodes.len() {
            finding.message = format!("{}: {}", Printable(&at.join(", ")), finding.message);
        }
        diagnosis.take(finding);
    }
    for (node, reported) in others {
        if let Fact::Unknown(why) = reported {
            away(node, why, diagnosis);
        }
    }
}

fn judge_one(facts: &StoreFacts, prefix: &Prefix, diagnosis: &mut Diagnosis) {
    store::judge(facts, diagnosis);
    cluster::judge(facts, prefix, diagnosis);
    replicas::judge(facts, diagnosis);
}

fn away(node: &str, why: &str, diagnosis: &mut Diagnosis) {
    diagnosis.add(
        Severity::Error,
        Code::StoreUnreachable,
        format!("{}, a master of the cluster: {}", Printable(node), Printable(why)),
        "start it, or let a replica take its place; the other nodes go on",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(policy: &str) -> StoreFacts {
        let mut memory = counter_core::MemoryFacts::default();
        policy.clone_into(&mut memory.policy);
        let mut facts = StoreFacts::default();
        (facts.memory, facts.replicas) = (Fact::Known(memory), Fact::Known(0));
        facts.cluster = Fact::Known(ClusterFacts::default());
        facts
    }

    #[test]
    fn what_is_found_at_some_masters_names_them_and_one_that_is_away_is_found() {
        let mut of_cluster = ClusterFacts::default();
        of_cluster.owner = Some("a:1".to_owned());
        of_cluster.others = vec![
            ("b:2".to_owned(), Fact::Known(node("allkeys-lru"))),
            ("c:3".to_owned(), Fact::Known(node("allkeys-lru"))),
            ("d:4".to_owned(), Fact::Unknown("refused".to_owned())),
        ];
        let mut facts = node("noeviction");
        facts.cluster = Fact::Known(of_cluster);
        let mut diagnosis = Diagnosis::default();
        judge(&facts, &Prefix::default(), &mut diagnosis);
        let found = diagnosis.into_findings();
        let found = found.iter().map(|it| (it.code, it.message.split(' ').next().unwrap()));
        let expected = [
            (Code::StoreNotReplicated, "the"),
            (Code::StoreEvicts, "b:2,"),
            (Code::StoreUnreachable, "d:4,"),
        ];
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
}
