use std::error::Error as StdError;
use std::io;

use counter_diesel::Error;
use counter_diesel::error::{CoreError, Invalid, redact};
use serde_json::json;

use crate::output::{self, Output};

/// How the command ends, and with which exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Done,
    /// A counter could not be synced, read or written.
    Failed,
    /// Wrong usage or configuration.
    Usage,
    /// The store or the database cannot be reached.
    Unreachable,
    /// This signal stopped a sync before it was complete.
    Signal(u8),
}

impl Exit {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            // Shells report a process that died of a signal the same way.
            Self::Signal(number) => number.saturating_add(128),
        }
    }

    /// Returns the exit code for an error of the library.
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::Unreachable { .. } | Error::Core(CoreError::Store { .. }) => Self::Unreachable,
            Error::NotMigrated { .. }
            | Error::EmptyTexts { .. }
            | Error::TooYoung { .. }
            | Error::RollUp { .. }
            | Error::Build(_)
            | Error::Core(
                CoreError::Invalid(_) | CoreError::Environment { .. } | CoreError::RedisUrl { .. },
            ) => Self::Usage,
            _ => Self::Failed,
        }
    }
}

/// Messages of databases and sentinels about a wrong user or a wrong database, which no time cures.
///
/// Only texts exist for these: Diesel passes on what its driver says of a connection that failed,
/// without the number of MySQL (1045), and libpq has no SQLSTATE (28xxx) then. The texts are those
/// of a server that speaks English; with another one the command waits. What several sentinels
/// answered is one text too, but in it are codes, which no language changes.
const REFUSALS: [&str; 7] = [
    "Access denied",
    "NOAUTH",
    "WRONGPASS",
    "authentication",
    "does not exist",
    "no pg_hba.conf entry",
    "switch database",
];

/// An error as it is shown: what failed, why, and what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    what: String,
    /// The causes, each caused by the next.
    causes: Vec<String>,
    hint: Option<&'static str>,
    /// Whether the store's server refused the user or the password, by the code of its error.
    is_refused_login: bool,
}

impl Failure {
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        let (what, causes) = (what.into(), Vec::new());
        Self { exit: Exit::Usage, what, causes, hint: None, is_refused_login: false }
    }

    pub(crate) fn failed(what: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, ..Self::usage(what) }
    }

    pub(crate) fn because(mut self, error: &dyn StdError) -> Self {
        self.causes =
            [on_one_line(&error.to_string())].into_iter().chain(causes_of(error)).collect();
        self
    }

    pub(crate) fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    pub(crate) fn is_unreachable(&self) -> bool {
        self.exit == Exit::Unreachable
    }

    /// Returns whether a server that starts soon would make it right: it cannot be reached, and has
    /// not refused this user or this database.
    pub(crate) fn may_pass(&self) -> bool {
        let is_refusal = |text: &String| REFUSALS.iter().any(|refusal| text.contains(refusal));
        self.is_unreachable() && !self.is_refused_login && !self.causes.iter().any(is_refusal)
    }

    /// Returns the root cause, or what failed if there is none.
    pub(crate) fn why(&self) -> &str {
        self.causes.last().unwrap_or(&self.what)
    }

    /// Prints the failure to standard error and returns the exit code. One line, unless `--verbose`
    /// or `--json` asks for more.
    pub(crate) fn print(&self, output: Output) -> Exit {
        if output.json {
            let causes = self.causes.iter().map(|cause| self.silenced(cause));
            output::complain_in_json(&json!({
                "version": output::VERSION,
                "error": self.silenced(&self.what),
                "causes": causes.collect::<Vec<_>>(),
                "hint": self.hint,
                "exit_code": self.exit.code(),
            }));
            return self.exit;
        }
        output::complain(&self.line());
        if output.verbose {
            let causes = self.causes.iter().map(|cause| self.silenced(cause));
            causes.for_each(|cause| output::complain(&format!("caused by: {cause}")));
        }
        self.exit
    }

    /// Removes passwords. Wrong input may be a URL in the wrong place, or a piece of one.
    fn silenced(&self, text: &str) -> String {
        match self.exit {
            Exit::Usage => redact::pieces(text),
            _ => redact::passwords(text),
        }
    }

    /// Returns what failed, the root cause and the hint, on one line.
    fn line(&self) -> String {
        let why = self
            .causes
            .last()
            .map(|cause| format!(": {}", self.silenced(cause)))
            .unwrap_or_default();
        let hint = self.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{}{why}{hint}", self.silenced(&self.what))
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let what = match error {
            // The library's text names functions, for programmers.
            Error::NotMigrated { table, .. } => {
                let or = "or a migration of it was not run";
                format!("the table {table} is not in the database, {or}")
            }
            error => error.to_string(),
        };
        let causes = causes_of(error).collect::<Vec<_>>();
        let is_refused_login = matches!(error, Error::Core(core) if core.is_refused_login());
        let hint = hint_for_node(&causes).or_else(|| hint_for(error));
        Self { exit: Exit::of(error), what, causes, hint, is_refused_login }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

impl From<CoreError> for Failure {
    fn from(error: CoreError) -> Self {
        Error::from(error).into()
    }
}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        Error::from(invalid).into()
    }
}

/// Output could not be written on this machine.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::failed("the output could not be written").because(&error)
    }
}

/// Returns what to do where a node of a cluster, taken for a server of its own, refuses a command.
fn hint_for_node(causes: &[String]) -> Option<&'static str> {
    let is_of_node = |cause: &String| {
        let answer = cause.split_once("the server answered: ").map(|(_, answer)| answer);
        answer.is_some_and(|answer| ["MOVED ", "CROSSSLOT"].iter().any(|it| answer.contains(it)))
    };
    causes
        .iter()
        .any(is_of_node)
        .then_some("the server is a node of a cluster: write redis+cluster:// in REDIS_URL")
}

fn hint_for(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::Unreachable { .. } => {
            "is the database running, is DATABASE_URL right, and may its user write?"
        }
        Error::TimedOut { .. } => "is a trigger slow, or a row locked by an open transaction?",
        Error::NotMigrated { .. } => "correct COUNTER_TABLE_NAME, or run: counter migrate",
        Error::Database { .. } => "to find out why: counter doctor",
        Error::Migration { .. } => {
            "to find out why: counter doctor; if the application's own migrations made the tables, \
             run its next ones: counter migrate --copy"
        }
        Error::Core(CoreError::Store { .. }) => {
            "is Redis running, is REDIS_URL right, and may its user do this?"
        }
        Error::Core(CoreError::NotCounted { .. }) => "nothing was changed",
        Error::Core(CoreError::OutcomeUnknown { .. }) => "look at its value before trying again",
        Error::Core(CoreError::Foreign(_)) => "look at it with redis-cli; counters leave it alone",
        Error::Core(CoreError::Overflow { .. }) => "set the counter to a value that fits",
        Error::Core(CoreError::Conflict { .. } | CoreError::StoreWentBack { .. }) => {
            "to see and decide: counter conflicts"
        }
        Error::OtherDatabase(_) => "to see and decide: counter adopt",
        _ => return None,
    })
}

/// Joins lines, because drivers answer in several.
fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the causes of an error, each on one line.
fn causes_of(error: &dyn StdError) -> impl Iterator<Item = String> {
    let mut next = error.source();
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(on_one_line(&cause.to_string()))
    })
}

/// Prints help to standard output, and usage errors to standard error.
pub(crate) fn show_usage(help_or_mistake: &clap::Error) -> Exit {
    if !help_or_mistake.use_stderr() {
        // The reader may have closed the pipe.
        let _ = help_or_mistake.print();
        return Exit::Done;
    }
    // As plain text, because clap would print arguments as they are, with escape codes.
    let mistake = help_or_mistake.render().to_string();
    output::complain_in_lines(&redact::pieces(&mistake));
    Exit::Usage
}

#[cfg(test)]
mod tests {
    use counter_diesel::error::StoreStep;

    use super::*;

    #[test]
    fn what_a_node_of_a_cluster_refuses_has_the_hint_to_name_the_cluster() {
        let hint = |answer: &str| {
            let source = format!("the server answered: {answer}").into();
            Failure::from(Error::Core(CoreError::Store { step: StoreStep::Look, source })).hint
        };
        let cluster = "the server is a node of a cluster: write redis+cluster:// in REDIS_URL";
        assert_eq!(hint("CROSSSLOT Keys in request don't hash to the same slot"), Some(cluster));
        assert_eq!(hint("MOVED 6961 127.0.0.1:7002"), Some(cluster));
        assert_eq!(hint("LOADING").map(|hint| hint.contains("REDIS_URL right")), Some(true));
    }
}
