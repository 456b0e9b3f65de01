/// Why the URL of a set of sentinels cannot be used. Quotes nothing of it, because whatever is in
/// the wrong place may be a part of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum UrlFlaw {
    #[error("rediss+sentinel:// takes the feature `redis-tls`")]
    NoTls,
    #[error("it names no sentinel, or there is an empty name between two commas")]
    NoSentinel,
    #[error("there is a blank or a line break in it")]
    Blank,
    #[error(
        "the user and the password come before the first sentinel, and are the master's: in them, \
         write , as %2C"
    )]
    CommaInLogin,
    #[error("the port of a sentinel is not a number from 1 to 65535")]
    BadPort,
    #[error("an IPv6 address of a sentinel is not in brackets: [::1]:26379")]
    BadIpv6,
    #[error("it names no master after the sentinels")]
    NoMasterName,
    #[error("the database after the master's name is not a number")]
    BadDatabase,
    #[error("there is more after the master's name than the number of a database")]
    TooManyParts,
    #[error("something is not percent-encoded UTF-8: write % as %25, and @ as %40")]
    BadEncoding,
    #[error("#insecure is all that may follow a #, and takes TLS")]
    BadFragment,
    #[error(
        "a parameter is none of sentinel_user, sentinel_password and sentinel_tls, or is there \
         twice"
    )]
    UnknownParameter,
    #[error("sentinel_tls is neither yes nor no")]
    BadTls,
    #[error("sentinel_user takes a sentinel_password")]
    UserAlone,
}

/// The form that a URL has.
pub(super) const FORM: &str = "use redis+sentinel://user:password@host:26379,host:26379/master/0, \
                               or rediss+sentinel://";
