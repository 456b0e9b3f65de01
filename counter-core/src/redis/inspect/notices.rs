use crate::redis::connection::Follower;
use crate::redis::server::Server;
use crate::store::StoreNotices;

/// Returns what the store has noticed by itself. Asks nothing.
pub(crate) fn notices(server: &Server) -> StoreNotices {
    StoreNotices {
        unconfirmed: server.unconfirmed(),
        sentinels_silent: server.follower().and_then(Follower::why_silent),
    }
}
