use std::borrow::Cow;

use super::packed::Args;
use crate::id::CounterId;
use crate::names::{Prefix, Slot, slot_of};

/// The names of everything that the store keeps in Redis.
#[derive(Debug)]
pub(crate) struct Names {
    prefix: Prefix,
    layout: Layout,
    generation: String,
    marks: String,
    dirty_hashes: Vec<String>,
    scanned: String,
    nothing: String,
}

/// Where names are to each other.
#[derive(Debug)]
enum Layout {
    /// Together: on one server, or in this slot of a cluster.
    Together { slot: Slot, high_water: String, given_out: String },
    /// Those of a counter in the slot of that, and so is what its scripts need beside them.
    BySlot,
}

impl Names {
    /// Returns the names of a store that has all of them together.
    pub(crate) fn new(prefix: Prefix) -> Self {
        let layout = Layout::Together {
            slot: prefix.slot().unwrap_or_default(),
            high_water: prefix.high_water_name(),
            given_out: prefix.given_out_name(),
        };
        let marks = prefix.marks_name();
        Self::with(prefix, layout, marks)
    }

    /// Returns the names of a store in a cluster: together if the prefix has a tag.
    pub(crate) fn in_cluster(prefix: Prefix) -> Self {
        if prefix.slot().is_some() {
            return Self::new(prefix);
        }
        let marks = prefix.marks_name_beside_generation();
        Self::with(prefix, Layout::BySlot, marks)
    }

    fn with(prefix: Prefix, layout: Layout, marks: String) -> Self {
        Self {
            layout,
            marks,
            generation: prefix.generation_name(),
            dirty_hashes: prefix.dirty_names(),
            scanned: prefix.scanned_name(),
            nothing: format!("{prefix}{{nothing}}"),
            prefix,
        }
    }

    pub(crate) fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// Returns the names of the same kind behind another prefix.
    pub(crate) fn behind(&self, prefix: &Prefix) -> Self {
        match self.layout {
            Layout::Together { .. } => Self::new(prefix.clone()),
            Layout::BySlot => Self::in_cluster(prefix.clone()),
        }
    }

    /// Returns whether the names are in many slots of a cluster.
    pub(crate) fn are_spread(&self) -> bool {
        matches!(self.layout, Layout::BySlot)
    }

    /// Returns the slot of all names, or that of the generation and what belongs to it.
    pub(crate) fn home(&self) -> Slot {
        match self.layout {
            Layout::Together { slot, .. } => slot,
            Layout::BySlot => slot_of(self.generation.as_bytes()),
        }
    }

    /// Returns the slot of a counter's names.
    pub(crate) fn slot_of(&self, id: &CounterId) -> Slot {
        match self.layout {
            Layout::Together { slot, .. } => slot,
            Layout::BySlot => slot_of(self.prefix.pending_name(id).as_bytes()),
        }
    }

    /// Returns the slot of a name.
    pub(crate) fn slot_of_name(&self, name: &str) -> Slot {
        match self.layout {
            Layout::Together { slot, .. } => slot,
            Layout::BySlot => slot_of(name.as_bytes()),
        }
    }

    /// Returns the name of the high water of the counters in a slot.
    pub(crate) fn high_water(&self, slot: Slot) -> Cow<'_, str> {
        match &self.layout {
            Layout::Together { high_water, .. } => Cow::Borrowed(high_water),
            Layout::BySlot => Cow::Owned(self.prefix.high_water_name_in(slot)),
        }
    }

    pub(crate) fn generation(&self) -> &str {
        &self.generation
    }

    /// Returns the name of the sequences given out to the counters in a slot.
    pub(crate) fn given_out(&self, slot: Slot) -> Cow<'_, str> {
        match &self.layout {
            Layout::Together { given_out, .. } => Cow::Borrowed(given_out),
            Layout::BySlot => Cow::Owned(self.prefix.given_out_name_in(slot)),
        }
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

    /// Writes what [`Prefix::newest_name`] returns.
    pub(crate) fn write_newest(&self, args: &mut Args<'_>, total: &CounterId) {
        args.joined(&self.prefix.newest_parts(total).map(str::as_bytes));
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
