use crate::names::Slot;
use crate::redis::connection::refused::Refused;
use crate::redis::connection::url::Address;

/// The answer of a node that does not carry out a command, although the cluster can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Redirect {
    /// The slot is at this node.
    Moved(Address),
    /// The slot is on its way to this node, and the names of the command are there already.
    Ask(Address),
    /// The slot is on its way, and only some of the names of the command have arrived.
    TryAgain,
    /// The node does not know who has the slot, or cannot carry out anything at present.
    Down,
}

impl Redirect {
    /// Returns whether it says where the command belongs.
    pub(super) const fn names_a_node(&self) -> bool {
        matches!(self, Self::Moved(_) | Self::Ask(_))
    }

    /// Returns what the node at the address `asked` means about a slot, or `None` where it refuses
    /// a command for a reason of its own, or names another slot.
    pub(super) fn of(refused: &Refused, slot: Slot, asked: &Address) -> Option<Self> {
        let mut words = refused.command_error().split(' ');
        let code = words.next()?;
        if matches!(code, "MOVED" | "ASK") && words.next()?.parse() != Ok(slot) {
            return None;
        }
        let mut named = || words.next().and_then(|address| read_address(address, &asked.host));
        Some(match code {
            "MOVED" => named().map_or(Self::Down, Self::Moved),
            "ASK" => named().map_or(Self::Down, Self::Ask),
            "TRYAGAIN" => Self::TryAgain,
            "CLUSTERDOWN" | "MASTERDOWN" | "LOADING" | "READONLY" => Self::Down,
            _ => return None,
        })
    }
}

/// Reads an address as nodes write it, without brackets around an IPv6 one. A node that does not
/// know the host means its own, and one that is not to be named writes `?`.
fn read_address(text: &str, own_host: &str) -> Option<Address> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port > 0)?;
    match host {
        "?" => None,
        "" => Some(Address::new(own_host, port)),
        host => Some(Address::new(host, port)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redirect(error: &str) -> Option<Redirect> {
        let (code, detail) = error.split_once(' ').unwrap_or((error, ""));
        Redirect::of(&Refused::new(code, detail), 3999, &Address::new("own", 1))
    }

    #[test]
    fn a_node_that_names_another_one_redirects_to_it() {
        let moved = |host, port| Some(Redirect::Moved(Address::new(host, port)));
        assert_eq!(redirect("MOVED 3999 127.0.0.1:6381"), moved("127.0.0.1", 6381));
        assert_eq!(redirect("MOVED 3999 2001:db8::1:6381"), moved("2001:db8::1", 6381));
        assert_eq!(redirect("MOVED 3999 :6381"), moved("own", 6381));
        let ask = Some(Redirect::Ask(Address::new("node.internal", 7000)));
        assert_eq!(redirect("ASK 3999 node.internal:7000"), ask);
    }

    #[test]
    fn a_node_that_cannot_say_is_down_for_the_moment() {
        for error in [
            "MOVED 3999 ?:6381",
            "MOVED 3999 h:0",
            "MOVED 3999",
            "CLUSTERDOWN The cluster is down",
            "CLUSTERDOWN Hash slot not served",
            "MASTERDOWN Link with MASTER is down",
            "LOADING Redis is loading the dataset in memory",
            "READONLY You can't write against a read only replica.",
            "ERR Error running script (call to f_0a): @user_script:1: @user_script: 1: -READONLY x",
        ] {
            assert_eq!(redirect(error), Some(Redirect::Down), "{error}");
        }
        assert_eq!(redirect("TRYAGAIN Multiple keys request"), Some(Redirect::TryAgain));
    }

    #[test]
    fn a_node_that_refuses_a_command_redirects_nothing() {
        for error in [
            "OOM command not allowed",
            "CROSSSLOT Keys in request",
            "MOVEDX 3999 h:1",
            "MOVED 4000 h:1",
            "ASK x h:1",
            "MOVED",
            "ERR",
        ] {
            assert_eq!(redirect(error), None, "{error}");
        }
    }
}
