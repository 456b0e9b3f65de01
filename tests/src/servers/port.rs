use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};

/// A TCP port for a server that other tests do not use while this is held, in whichever process
/// they run: also while the server is down.
#[derive(Debug)]
pub struct Port {
    number: u16,
    /// A socket with the port's number in its name, which only one process can have. The system
    /// removes it with the process.
    _claim: UnixListener,
}

impl Port {
    /// Claims a port that nothing listens on. The system does not give it to programs that ask for
    /// any port, because those are above 32767.
    pub fn claim() -> Self {
        let numbers = std::iter::repeat_with(|| fastrand::u16(10_000..32_768));
        let mut claimed = numbers.filter_map(Self::claim_number);
        claimed.next().expect("there is always a next one")
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }

    fn claim_number(number: u16) -> Option<Self> {
        let name = SocketAddr::from_abstract_name(format!("counter-test-port-{number}"));
        let claim = UnixListener::bind_addr(&name.expect("a short name")).ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        Some(Self { number, _claim: claim })
    }
}

#[cfg(test)]
mod tests {
    use super::Port;

    #[test]
    fn a_port_is_claimed_once_until_it_is_dropped() {
        let port = Port::claim();
        assert!(Port::claim_number(port.number()).is_none());
        let number = port.number();
        drop(port);
        assert!(Port::claim_number(number).is_some());
    }
}
