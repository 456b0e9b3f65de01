use std::net::{Ipv4Addr, TcpListener};

use ::redis::{Client, Connection, ConnectionAddr, ConnectionLike as _, IntoConnectionInfo as _};

use super::wire::Wire;
use crate::error::BoxError;

/// A connection that can be brought to its end, after which its pool drops it: a pool of the crates
/// that applications use drops a connection that is not open, and only the end of its stream makes
/// a connection report that.
pub(crate) trait Endable: Wire + Sized {
    /// Returns a connection whose stream has ended. It leads to this process itself, because the
    /// server may be frozen.
    fn ended() -> Result<Self, BoxError>;
}

impl Endable for Connection {
    fn ended() -> Result<Self, BoxError> {
        let mut ended = connection_to_a_listener_that_hangs_up(|port| {
            let addr = ConnectionAddr::Tcp(Ipv4Addr::LOCALHOST.to_string(), port);
            let info = addr.into_connection_info()?;
            // Without this the handshake would wait for an answer.
            let redis = info.redis_settings().clone().set_skip_set_lib_name();
            Client::open(info.set_redis_settings(redis))?.get_connection()
        })?;
        // Reads the end of the stream, and closes the connection for it.
        let _ = ended.recv_response();
        if ended.is_open() {
            return Err("no connection could be brought to its end".into());
        }
        Ok(ended)
    }
}

/// Returns a connection to a listener in this process that has hung up already.
pub(crate) fn connection_to_a_listener_that_hangs_up<C, E: Into<BoxError>>(
    connect: impl FnOnce(u16) -> Result<C, E>,
) -> Result<C, BoxError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    // The system completes the connection before it is accepted.
    let connection = connect(listener.local_addr()?.port()).map_err(Into::into)?;
    drop(listener.accept()?);
    Ok(connection)
}
