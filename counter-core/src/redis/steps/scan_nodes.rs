//! A scan of names that are spread over the nodes of a cluster.

use std::num::NonZeroUsize;

use super::scan_page::{parse_scan, sort_into, write_scan};
use crate::error::{BoxError, Error, StoreStep};
use crate::names::{Pattern, Prefix};
use crate::redis::connection::{ClusterAccess, Deadline, Packed, Reply};
use crate::redis::server::Server;
use crate::store::{Cursor, ScanPage};

/// How often a scan begins anew because slots have moved.
const MOST_BEGINNINGS: u32 = 2;

/// A place in a scan, beside the position on its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    /// In another one, nodes have other slots.
    era: u32,
    /// How often it has begun anew.
    beginnings: u32,
    /// Whether it has passed over anything.
    has_gaps: bool,
    node: u32,
    glob: u32,
}

const GLOB_BITS: u32 = 1;
const NODE_BITS: u32 = 10;
const BEGINNING_BITS: u32 = 2;
const ERA_SHIFT: u32 = GLOB_BITS + NODE_BITS + 1 + BEGINNING_BITS;

impl Place {
    const fn beginning(era: u32) -> Self {
        Self { era, beginnings: 0, has_gaps: false, node: 0, glob: 0 }
    }

    const fn of(round: u32) -> Self {
        Self {
            glob: round & 1,
            node: (round >> GLOB_BITS) & ((1 << NODE_BITS) - 1),
            has_gaps: (round >> (GLOB_BITS + NODE_BITS)) & 1 == 1,
            beginnings: (round >> (GLOB_BITS + NODE_BITS + 1)) & ((1 << BEGINNING_BITS) - 1),
            era: round >> ERA_SHIFT,
        }
    }

    const fn round(self) -> u32 {
        self.glob
            | (self.node << GLOB_BITS)
            | ((self.has_gaps as u32) << (GLOB_BITS + NODE_BITS))
            | (self.beginnings << (GLOB_BITS + NODE_BITS + 1))
            | (self.era << ERA_SHIFT)
    }

    /// Returns where the scan goes on in this era, and whether it is the same place. Where slots
    /// move all the time, it does not begin anew for ever.
    const fn in_era(self, era: u32) -> (Self, bool) {
        if self.era == era {
            (self, true)
        } else if self.beginnings < MOST_BEGINNINGS {
            (Self { beginnings: self.beginnings + 1, ..Self::beginning(era) }, false)
        } else {
            (Self { era, has_gaps: true, glob: 0, ..self }, false)
        }
    }
}

/// Returns the counters that one SCAN of one of the nodes finds.
pub(super) fn scan_nodes(
    server: &Server,
    prefix: &Prefix,
    pattern: &Pattern,
    from: Cursor,
    count: NonZeroUsize,
) -> Result<ScanPage, Error> {
    let Some(cluster) = server.cluster() else { return Ok(ScanPage::default()) };
    cluster.learn(Deadline::after(server.timeouts().wait));
    let (era, masters) = (cluster.era(), cluster.masters());
    let (mut place, is_same) = match from {
        Cursor { round: 0, position: 0 } => (Place::beginning(era), false),
        from => Place::of(from.round).in_era(era),
    };
    let position = if is_same { from.position } else { 0 };
    let globs = prefix.globs(pattern);
    let mut page = ScanPage::default();
    if place.node as usize >= masters.len() {
        page.next = end(server, cluster, place)?;
        return Ok(page);
    }
    let mut next = 0;
    if let (Some(node), Some(glob)) =
        (masters.get(place.node as usize), globs.get(place.glob as usize))
    {
        let scanned = server.repeatable_step_on_node(StoreStep::Scan, node, |checkout| {
            let mut commands = Packed::default();
            write_scan(&mut commands, glob, position, count);
            parse_scan(server.ask(checkout, &commands)?)
        });
        match scanned {
            Ok((position, names)) => {
                next = position;
                names.iter().for_each(|name| sort_into(&mut page, prefix, pattern, name));
            }
            // The other nodes are still scanned.
            Err(_) => (place.has_gaps, place.glob) = (true, globs.len() as u32),
        }
    }
    if next == 0 {
        place.glob += 1;
        if place.glob as usize >= globs.len() {
            (place.glob, place.node) = (0, place.node + 1);
        }
    }
    page.next = Some(Cursor { round: place.round(), position: next });
    Ok(page)
}

/// Returns where a scan that has been over all nodes begins anew, if slots have moved meanwhile.
fn end(server: &Server, cluster: &ClusterAccess, place: Place) -> Result<Option<Cursor>, Error> {
    if cluster.masters().is_empty() {
        return Err(Error::Store { step: StoreStep::Scan, source: Incomplete.into() });
    }
    let is_moving = is_moving(server, cluster);
    let (again, is_same) = place.in_era(cluster.era());
    if !is_same && !again.has_gaps {
        return Ok(Some(Cursor { round: again.round(), position: 0 }));
    }
    if again.has_gaps || is_moving? {
        return Err(Error::Store { step: StoreStep::Scan, source: Incomplete.into() });
    }
    Ok(None)
}

/// Asks every node which slots it has, and returns whether any of them is on its way.
fn is_moving(server: &Server, cluster: &ClusterAccess) -> Result<bool, Error> {
    let mut is_moving = false;
    for node in cluster.masters() {
        is_moving |= server.repeatable_step_on_node(StoreStep::Scan, &node, |checkout| {
            let mut questions = Packed::default();
            for question in ["SLOTS", "NODES"] {
                questions.command(2, |args| {
                    args.text("CLUSTER").text(question);
                });
            }
            let mut replies = server.ask_all(checkout, &questions)?.into_iter();
            cluster.note_slots(replies.next().unwrap_or(Reply::Other), &node)?;
            Ok(match replies.next() {
                // A user that may not ask does not know.
                Some(Reply::Refused(_)) | None => false,
                Some(nodes) => !open_slots(nodes)?.is_empty(),
            })
        })?;
    }
    Ok(is_moving)
}

/// Returns the slots that the node which answered CLUSTER NODES is sending to another one, or gets
/// from one. It lists such slots of its own at the end of its line: `[93->-id]` or `[93-<-id]`.
pub(crate) fn open_slots(nodes: Reply) -> Result<Vec<String>, BoxError> {
    let nodes = nodes.into_text()?.ok_or("it says nothing of the nodes")?;
    let nodes = String::from_utf8(nodes)?;
    let own = nodes.lines().find(|line| line.contains("myself"));
    let words = own.ok_or("it does not say which node it is")?.split(' ');
    let open = words.filter_map(|word| word.strip_prefix('[')?.split('-').next());
    Ok(open.map(str::to_owned).collect())
}

/// A scan would miss names that have moved while it went on, or those on a node that is away.
#[derive(Debug, thiserror::Error)]
#[error("slots are on their way to other nodes, or a node is away: a later scan finds all of it")]
struct Incomplete;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_kept_in_a_cursor() {
        for place in [
            Place { era: 3, beginnings: 2, has_gaps: true, node: 1023, glob: 1 },
            Place { era: (1 << 18) - 1, beginnings: 3, has_gaps: false, node: 1, glob: 0 },
            Place::beginning(1),
        ] {
            assert_eq!(Place::of(place.round()), place);
        }
    }

    #[test]
    fn a_scan_begins_anew_when_slots_have_moved_but_not_for_ever() {
        let mut place = Place { node: 3, glob: 1, ..Place::beginning(1) };
        assert_eq!(place.in_era(1), (place, true));
        for era in [2, 3] {
            let (again, is_same) = place.in_era(era);
            assert_eq!((again.node, again.glob, again.has_gaps, is_same), (0, 0, false, false));
            place = Place { node: 3, ..again };
        }
        let (on, is_same) = place.in_era(4);
        assert_eq!((on.node, on.glob, on.has_gaps, is_same), (3, 0, true, false));
    }

    #[test]
    fn a_slot_that_its_node_lists_as_open_is_moving() {
        let nodes = "07c3 h:7001@17001 master - 0 1426238317239 2 connected 5461-10922\n\
                     67ed h:7002@17002 myself,master - 0 0 1 connected 0-5460 [93->-292f]\n";
        assert_eq!(open_slots(Reply::Text(nodes.as_bytes().to_vec())).unwrap(), ["93"]);
    }

    #[test]
    fn an_answer_of_another_form_is_an_error() {
        assert!(open_slots(Reply::Nil).is_err());
        assert!(open_slots(Reply::Text(b"07c3 h:1@2 master".to_vec())).is_err());
        assert!(open_slots(Reply::Text(vec![0xff])).is_err());
    }
}
