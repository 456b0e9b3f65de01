use std::time::Duration;

use ::redis::io::tcp::TcpSettings;
use ::redis::io::tcp::socket2::TcpKeepalive;

/// The time between two probes of a connection whose other side does not answer them, and how many
/// of them end it.
const PROBE_INTERVAL: Duration = Duration::from_secs(15);
const PROBES: u32 = 4;

/// Returns the settings of a connection that is probed after this time without traffic.
pub(crate) fn tcp_settings(keepalive: Option<Duration>) -> TcpSettings {
    let settings = TcpSettings::default().set_nodelay(true);
    match keepalive {
        Some(after) => {
            let after = after.max(Duration::from_secs(1));
            let probes = TcpKeepalive::new().with_time(after).with_interval(PROBE_INTERVAL);
            settings.set_keepalive(probes.with_retries(PROBES))
        }
        None => settings,
    }
}
