use crate::redis::connection::{Reply, Unexpected};
use crate::store::{Fact, MemoryFacts, PersistenceFacts, ServerVersion};

/// The reply to INFO: lines of `name:value`.
pub(crate) struct Info(Result<String, String>);

impl Info {
    pub(crate) fn read(reply: Reply) -> Self {
        let text = reply.into_text().and_then(|text| text.ok_or_else(|| Unexpected.into()));
        let text = text.map(|text| String::from_utf8_lossy(&text).into_owned());
        Self(text.map_err(|why| why.to_string()))
    }

    /// Returns what `read` finds, or that the server's INFO has no such lines.
    pub(crate) fn fact<T>(&self, read: impl FnOnce(&Self) -> Option<T>) -> Fact<T> {
        match &self.0 {
            Err(why) => Fact::Unknown(why.clone()),
            Ok(_) => read(self).ok_or("the server's INFO does not say it").into(),
        }
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let mut lines = self.0.as_ref().ok()?.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    /// Returns the product and its version. Valkey also names the version of Redis that it is
    /// compatible with.
    pub(crate) fn server(&self) -> Option<ServerVersion> {
        let (product, number) = match self.text("valkey_version") {
            Some(number) => ("Valkey", number),
            None => ("Redis", self.text("redis_version")?),
        };
        Some(ServerVersion { product: product.to_owned(), number: number.to_owned() })
    }

    pub(crate) fn memory(&self) -> Option<MemoryFacts> {
        Some(MemoryFacts {
            used: self.number("used_memory")?,
            limit: self.number("maxmemory")?,
            policy: self.text("maxmemory_policy")?.to_owned(),
            evicted: self.number("evicted_keys").unwrap_or(0),
        })
    }

    pub(crate) fn persistence(&self) -> Option<PersistenceFacts> {
        let is_ok = |name| self.text(name).is_none_or(|status| status == "ok");
        Some(PersistenceFacts {
            append_only: self.text("aof_enabled")? == "1",
            last_write_ok: is_ok("rdb_last_bgsave_status")
                && is_ok("aof_last_write_status")
                && is_ok("aof_last_bgrewrite_status"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(text: &str) -> Info {
        Info::read(Reply::Text(text.as_bytes().to_vec()))
    }

    #[test]
    fn info_is_read_line_by_line_and_what_is_missing_is_unknown() {
        let info = info(
            "# Server\r\nredis_version:7.0.15\r\n\r\nrole:master\r\n\
             used_memory_peak:9\r\nused_memory:5\r\n",
        );
        let server = info.fact(Info::server);
        assert_eq!(server.known().map(ToString::to_string).as_deref(), Some("Redis 7.0.15"));
        assert_eq!(info.number("used_memory"), Some(5));
        assert!(info.fact(Info::memory).why_unknown().is_some());
    }

    #[test]
    fn valkey_goes_by_its_own_name() {
        let info = info("redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.1\r\n");
        assert_eq!(info.server().map(|server| server.to_string()).as_deref(), Some("Valkey 8.1.1"));
    }
}
