use crate::names::Slot;
use crate::redis::connection::{ClusterAccess, Reply};
use crate::redis::steps::open_slots;
use crate::store::{ClusterFacts, Fact};

/// Returns what is known of a cluster, with the answers of the slot's owner to CLUSTER NODES and
/// about one of its settings.
pub(crate) fn cluster_facts(
    cluster: &ClusterAccess,
    slot: Slot,
    nodes: Reply,
    full_coverage: Fact<String>,
) -> ClusterFacts {
    let is_moving = open_slots(nodes).map(|open| match cluster.only_slot() {
        Some(slot) => open.contains(&slot.to_string()),
        None => !open.is_empty(),
    });
    ClusterFacts {
        slot,
        owner: cluster.owner(slot).map(|owner| owner.to_string()),
        nodes: cluster.members(),
        is_moving: is_moving.into(),
        full_coverage: full_coverage.map(|setting| setting == "yes"),
        others: Vec::new(),
    }
}
