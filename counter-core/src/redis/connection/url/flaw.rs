/// Why the URL of several hosts cannot be used. Quotes nothing of it, because what is in the wrong
/// place may be a part of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UrlFlaw {
    #[error("TLS needs the feature `redis-tls`")]
    NoTls,
    #[error("it names no host, or there is an empty name between two commas")]
    NoHost,
    #[error("there is a blank or a line break in it")]
    Blank,
    #[error("the user and the password come before the first host: in them, write , as %2C")]
    CommaInLogin,
    #[error("the port of a host is not a number from 1 to 65535")]
    BadPort,
    #[error("an IPv6 address is not in brackets, as in [::1]:6379")]
    BadIpv6,
    #[error("it names no master after the sentinels")]
    NoMasterName,
    #[error("the database after the master's name is not a number")]
    BadDatabase,
    #[error("there is more after the master's name than the number of a database")]
    TooManyParts,
    #[error("something is not percent-encoded UTF-8: write % as %25, and @ as %40")]
    BadEncoding,
    #[error("only #insecure may follow a #, and it needs TLS")]
    BadFragment,
    #[error(
        "a parameter is none of sentinel_user, sentinel_password and sentinel_tls, or is there \
         twice"
    )]
    UnknownParameter,
    #[error("sentinel_tls is neither yes nor no")]
    BadTls,
    #[error("sentinel_user needs a sentinel_password")]
    UserAlone,
    #[error("a cluster has only the database 0, and nothing else may follow the hosts")]
    NoPath,
}
