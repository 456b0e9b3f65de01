//! The settings of the sockets that lead to PostgreSQL, as the system has them.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

use counter_diesel::{postgres_pool, postgres_pool_without_prepared_statements};
use rustix::net::{getsockname, sockopt};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

pub(crate) fn end_when_the_network_vanishes() {
    let seconds = Duration::from_secs;
    assert_eq!(
        settings_of(|at| format!("postgres://{at}/d")),
        (seconds(10), seconds(5), 3, 15_000)
    );
    let own = "tcp_user_timeout=7000 keepalives_idle=70";
    let settings = settings_of(|at| format!("host={} port={} {own}", at.ip(), at.port()));
    assert_eq!(settings, (seconds(70), seconds(5), 3, 7_000));
}

/// How long a connection is silent before it is probed, how long it waits for an answer, how many
/// answers may be missing, and how long it waits for what it has sent to arrive, in milliseconds.
type Settings = (Duration, Duration, u32, u32);

/// Returns the settings of the connections to a server that only accepts them.
fn settings_of(url: impl Fn(SocketAddr) -> String) -> Settings {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = url(listener.local_addr().unwrap());
    let open = [postgres_pool, postgres_pool_without_prepared_statements].map(|open| {
        let url = url.clone();
        let opening = thread::spawn(move || open(&url, 1).is_err());
        let (server_side, client) = listener.accept().unwrap();
        let socket = socket_at(client);
        assert!(sockopt::socket_keepalive(&socket).unwrap());
        let settings = (
            sockopt::tcp_keepidle(&socket).unwrap(),
            sockopt::tcp_keepintvl(&socket).unwrap(),
            sockopt::tcp_keepcnt(&socket).unwrap(),
            sockopt::tcp_user_timeout(&socket).unwrap(),
        );
        drop(server_side);
        assert!(opening.join().unwrap());
        settings
    });
    assert_eq!(open[0], open[1]);
    open[0]
}

/// Returns this process's socket that has this address.
fn socket_at(address: SocketAddr) -> OwnedFd {
    let process = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    let files = fs::read_dir("/proc/self/fd").unwrap();
    let numbers = files.filter_map(|file| file.unwrap().file_name().to_str()?.parse().ok());
    // One may be closed by another thread in the meantime.
    let copies = numbers
        .filter_map(|number: i32| pidfd_getfd(&process, number, PidfdGetfdFlags::empty()).ok());
    let has_address = |copy: &OwnedFd| {
        getsockname(copy).is_ok_and(|name| SocketAddr::try_from(name) == Ok(address))
    };
    copies.into_iter().find(has_address).expect("the pool's socket is one of this process")
}
