use crate::printable::Printable;

/// An error that the server replied with, as it worded it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the server answered: {}", Printable(.0))]
pub(crate) struct Refused(String);

/// The first words of the errors that a server replies with *instead of* carrying out a command.
///
/// An error that is not listed proves nothing: proxies reply with texts of their own, such as
/// `upstream failure` or `ERR Connection timed out`, after they have passed a command on.
const CODES: [&str; 20] = [
    "ASK",
    "BUSY",
    "CLUSTERDOWN",
    "CROSSSLOT",
    "DENIED",
    "EXECABORT",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "MOVED",
    "NOAUTH",
    "NOPERM",
    "NOREPLICAS",
    "NOSCRIPT",
    "OOM",
    "READONLY",
    // Valkey, to clients that understand it.
    "REDIRECT",
    "TRYAGAIN",
    "WRONGPASS",
    "WRONGTYPE",
];

/// The beginnings of such errors that have no code of their own, after `ERR`.
const TEXTS: [&str; 7] = [
    // What a script may not do, before and since Redis 7.2.
    "The user executing the script",
    "ACL failure in script",
    "increment or decrement would overflow",
    "max number of clients reached",
    // Redis before 6, of what is NOAUTH later.
    "operation not permitted",
    "unknown command",
    "value is not an integer or out of range",
];

impl Refused {
    pub(crate) fn new(code: &str, detail: &str) -> Self {
        Self(format!("{code} {detail}").trim_end().to_owned())
    }

    /// Returns whether the error proves that the command was not carried out. Only this function
    /// decides that.
    ///
    /// It holds for a script that reads and checks before it writes, too: what a server refuses
    /// with one of these errors in the middle of a script, it refuses at the first write.
    pub(crate) fn proves_no_effect(&self) -> bool {
        let error = self.command_error();
        let (code, text) = error.split_once(' ').unwrap_or((error, ""));
        CODES.contains(&code)
            || (code == "ERR" && TEXTS.iter().any(|beginning| text.starts_with(beginning)))
    }

    /// Returns whether the error is of this kind, `code` being how it begins.
    pub(super) fn is(&self, code: &str) -> bool {
        self.command_error().starts_with(code)
    }

    /// Returns the error without what Redis before 7 puts before it if a script has met it:
    /// `ERR Error running script (call to f_…): @user_script:1: @user_script: 1: -READONLY …`.
    pub(super) fn command_error(&self) -> &str {
        let Some(of_script) = self.0.strip_prefix("ERR Error running script") else {
            return &self.0;
        };
        let after_place = of_script.rsplit_once("@user_script:").map(|(_, place)| place);
        let error = after_place.and_then(|place| place.split_once(": ")).map(|(_, error)| error);
        error.map_or(&self.0, |error| error.strip_prefix('-').unwrap_or(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proves_no_effect(error: &str) -> bool {
        let (code, detail) = error.split_once(' ').unwrap_or((error, ""));
        Refused::new(code, detail).proves_no_effect()
    }

    #[test]
    fn what_a_server_says_instead_of_carrying_out_a_command_proves_that_it_did_not() {
        for error in [
            "OOM command not allowed when used memory > 'maxmemory'.",
            "READONLY You can't write against a read only replica.",
            "READONLY You can't write against a read only replica. script: 1f, on @user_script:7.",
            "NOPERM this user has no permissions to run the 'incrby' command",
            "ERR unknown command 'INCRBY', with args beginning with: ",
            "ERR increment or decrement would overflow",
            "ERR The user executing the script can't run this command or subcommand",
            "NOREPLICAS",
        ] {
            assert!(proves_no_effect(error), "{error}");
        }
    }

    #[test]
    fn other_errors_prove_nothing() {
        for error in [
            "upstream failure",
            "upstream protocol error",
            "ERR Connection timed out",
            "ERR server closed connection",
            "BUSYKEY Target key name already exists.",
            "ERR",
            "OOMS",
            "",
        ] {
            assert!(!proves_no_effect(error), "{error}");
        }
    }

    #[test]
    fn an_error_that_a_script_has_met_is_found_in_the_form_of_redis_6() {
        let in_script = |error: &str| {
            let place = "@user_script:12: @user_script: 12: ";
            Refused::new("ERR", &format!("Error running script (call to f_0a1b): {place}{error}"))
        };
        assert!(in_script("-READONLY You can't write against a read only replica.").is("READONLY"));
        assert!(in_script("OOM command not allowed").proves_no_effect());
        assert!(!in_script("attempt to index a nil value").proves_no_effect());
        assert!(!Refused::new("ERR", "Error running script").proves_no_effect());
    }
}
