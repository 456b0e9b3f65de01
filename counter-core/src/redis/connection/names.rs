use super::packed::Args;
use crate::id::CounterId;
use crate::names::Prefix;

/// The names of everything that the store keeps in Redis.
#[derive(Debug)]
pub(crate) struct Names {
    prefix: Prefix,
    high_water: String,
    generation: String,
    given_out: String,
    marks: String,
    dirty_hashes: Vec<String>,
    scanned: String,
    nothing: String,
}

impl Names {
    pub(crate) fn new(prefix: Prefix) -> Self {
        Self {
            high_water: prefix.high_water_name(),
            generation: prefix.generation_name(),
            given_out: prefix.given_out_name(),
            marks: prefix.marks_name(),
            dirty_hashes: prefix.dirty_names(),
            scanned: prefix.scanned_name(),
            nothing: format!("{prefix}{{nothing}}"),
            prefix,
        }
    }

    pub(crate) fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    pub(crate) fn high_water(&self) -> &str {
        &self.high_water
    }

    pub(crate) fn generation(&self) -> &str {
        &self.generation
    }

    pub(crate) fn given_out(&self) -> &str {
        &self.given_out
    }

    pub(crate) fn marks(&self) -> &str {
        &self.marks
    }

    /// Returns the names of the hashes of the index, each at its number.
    pub(crate) fn dirty_hashes(&self) -> &[String] {
        &self.dirty_hashes
    }

    pub(crate) fn scanned(&self) -> &str {
        &self.scanned
    }

    /// Returns a name that is never there.
    pub(crate) fn nothing(&self) -> &str {
        &self.nothing
    }

    /// Writes what [`Prefix::pending_name`] returns.
    pub(crate) fn write_pending(&self, args: &mut Args<'_>, id: &CounterId) {
        match id.period() {
            None => args.joined(&[self.prefix.as_str().as_bytes(), id.as_str().as_bytes()]),
            Some(_) => args.joined(&self.prefix.pending_parts(id).map(str::as_bytes)),
        };
    }

    /// Writes what [`Prefix::claim_name`] returns.
    pub(crate) fn write_claim(&self, args: &mut Args<'_>, id: &CounterId) {
        args.joined(&self.prefix.claim_parts(id).map(str::as_bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redis::connection::Packed;

    #[test]
    fn written_names_are_those_of_the_prefix() {
        let names = Names::new("a:{b}:".parse().unwrap());
        let total = CounterId::new("user", 123, "down:loads").unwrap();
        let bucket = total.within("day:2026-11-28".parse().unwrap()).unwrap();
        for id in [total, bucket] {
            let mut written = Packed::default();
            written.command(2, |args| {
                names.write_pending(args, &id);
                names.write_claim(args, &id);
            });
            let mut expected = Packed::default();
            expected.command(2, |args| {
                let prefix = names.prefix();
                args.text(prefix.pending_name(&id)).text(prefix.claim_name(&id));
            });
            assert_eq!(written.bytes(), expected.bytes());
        }
    }
}
