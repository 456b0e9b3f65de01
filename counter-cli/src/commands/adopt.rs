use clap::Args;
use counter_diesel::sync::Adoption;

use crate::connect::{self, Access};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::settings::CommandSettings;

/// Show whether this is the database that Redis is synced into, or decide that it is
///
/// A database that was restored from an older backup, a copy of it, and another database under the
/// same prefix are refused: no sync claims anything for them, and no set is made, until you decide.
/// Counting and reading go on.
///
/// Without --yes this changes nothing, and says what is wrong. Exit code 1 if anything is.
///
/// With --yes, Redis is synced into this database from then on, and into no other. After a restore:
/// what was counted after the backup and synced is lost, and everything that is pending goes into
/// this database. Never do this in a copy, such as one of production's database for tests, because
/// the counts of production would go into the copy: give it a prefix of its own (COUNTER_PREFIX).
#[derive(Args)]
pub(crate) struct Adopt {
    /// Sync Redis into this database from now on, without asking for confirmation
    #[arg(long)]
    yes: bool,
}

impl Adopt {
    pub(crate) fn run(self, settings: &CommandSettings, output: Output) -> Result<Exit, Failure> {
        let counters = connect::counters_with_shared_store(settings, Access::Write)?;
        let adoption =
            if self.yes { counters.adopt_database()? } else { counters.database_adoption()? };
        output.result("adopt", &adoption, || in_text(&adoption))?;
        let is_settled = adoption.is_adopted || adoption.mismatch.is_none();
        Ok(if is_settled { Exit::Done } else { Exit::Failed })
    }
}

fn in_text(adoption: &Adoption) -> String {
    let found = match &adoption.mismatch {
        None => "this is the database that Redis is synced into\n".to_owned(),
        Some(mismatch) => format!("{mismatch}\n"),
    };
    let then = match (adoption.is_adopted, &adoption.mismatch) {
        (true, _) => "from now on, Redis is synced into this database, and into no other\n",
        (false, None) => "",
        (false, Some(_)) => {
            "to decide: if it is the right one, `counter adopt --yes`;\n           \
             if it is a copy, give it a prefix of its own (COUNTER_PREFIX)\n"
        }
    };
    found + then
}
