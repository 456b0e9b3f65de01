use crate::error::BoxError;
use crate::redis::connection::{ClusterAccess, Reply, Unexpected};
use crate::store::ClusterFacts;

/// Returns what is known of a cluster, with the answer of the slot's owner to CLUSTER NODES.
pub(crate) fn cluster_facts(cluster: &ClusterAccess, nodes: Reply) -> ClusterFacts {
    let slot = cluster.slot();
    ClusterFacts {
        slot,
        owner: cluster.owner(),
        nodes: cluster.members(),
        is_moving: is_moving(nodes, slot).into(),
    }
}

/// Returns whether the node that answered is sending the slot to another one, or gets it from one.
/// It lists such slots of its own at the end of its line: `[93->-id]` or `[93-<-id]`.
fn is_moving(nodes: Reply, slot: u16) -> Result<bool, BoxError> {
    let nodes = nodes.into_text()?.ok_or(Unexpected)?;
    let nodes = String::from_utf8(nodes)?;
    let own = nodes.lines().find(|line| line.contains("myself")).ok_or(Unexpected)?;
    let open = own.split(' ').filter_map(|word| word.strip_prefix('[')?.split('-').next());
    Ok(open.into_iter().any(|open| open == slot.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_that_its_node_lists_as_open_is_moving() {
        let nodes = "07c3 h:7001@17001 master - 0 1426238317239 2 connected 5461-10922\n\
                     67ed h:7002@17002 myself,master - 0 0 1 connected 0-5460 [93->-292f]\n";
        let is_moving = |slot| is_moving(Reply::Text(nodes.as_bytes().to_vec()), slot).unwrap();
        assert!(is_moving(93));
        assert!(!is_moving(9));
    }

    #[test]
    fn an_answer_of_another_form_is_an_error() {
        assert!(is_moving(Reply::Nil, 1).is_err());
        assert!(is_moving(Reply::Text(b"07c3 h:1@2 master".to_vec()), 1).is_err());
        assert!(is_moving(Reply::Text(vec![0xff]), 1).is_err());
    }
}
