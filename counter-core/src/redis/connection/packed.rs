use crate::names::Slot;

/// Commands as they go over the wire: arrays of strings of known length.
#[derive(Debug, Default)]
pub(crate) struct Packed {
    bytes: Vec<u8>,
    /// Where each command ends.
    ends: Vec<usize>,
    /// In a cluster the slot of each command, where it is not the one of the connection.
    slots: Vec<Option<Slot>>,
    /// The slot of the next commands.
    slot: Option<Slot>,
}

impl Packed {
    /// Returns the command that only asks for an answer.
    pub(crate) fn ping() -> Self {
        let mut ping = Self::default();
        ping.command(1, |args| {
            args.text("PING");
        });
        ping
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.slots.clear();
        self.slot = None;
    }

    /// Says in which slot of a cluster the names of the next commands are. Without that, they are
    /// in the one that the connection was checked out for.
    pub(crate) fn at(&mut self, slot: Slot) -> &mut Self {
        self.slot = Some(slot);
        self
    }

    /// Adds one command of `args` arguments, its name among them, which `write` has to write.
    pub(crate) fn command(&mut self, args: usize, write: impl FnOnce(&mut Args<'_>)) {
        write_length(&mut self.bytes, b'*', args);
        write(&mut Args(&mut self.bytes));
        self.end();
    }

    /// Adds a command of another batch.
    pub(crate) fn copy(&mut self, command: &[u8]) {
        self.bytes.extend_from_slice(command);
        self.end();
    }

    /// Adds a command of other ones, with its slot.
    pub(crate) fn copy_from(&mut self, other: &Self, index: usize) {
        self.slot = other.slot_at(index);
        self.copy(other.command_at(index));
    }

    fn end(&mut self) {
        self.ends.push(self.bytes.len());
        self.slots.push(self.slot);
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn commands(&self) -> usize {
        self.ends.len()
    }

    /// Returns the slot of one command, if it was said.
    pub(crate) fn slot_at(&self, index: usize) -> Option<Slot> {
        self.slots.get(index).copied().flatten()
    }

    /// Returns the bytes of one command.
    pub(crate) fn command_at(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).and_then(|i| self.ends.get(i)).copied();
        let end = self.ends.get(index).copied().unwrap_or(0);
        self.bytes.get(start.unwrap_or(0)..end).unwrap_or_default()
    }
}

/// Room for what is around an argument: its length and two line ends.
const AROUND: usize = 16;

/// Writes the arguments of one command.
pub(crate) struct Args<'a>(&'a mut Vec<u8>);

impl Args<'_> {
    /// Writes one argument.
    pub(crate) fn text(&mut self, text: impl AsRef<[u8]>) -> &mut Self {
        self.joined(&[text.as_ref()])
    }

    /// Writes one argument that is made of several parts.
    pub(crate) fn joined(&mut self, parts: &[&[u8]]) -> &mut Self {
        let length = parts.iter().map(|part| part.len()).sum();
        self.0.reserve(length + AROUND);
        write_length(self.0, b'$', length);
        for part in parts {
            self.0.extend_from_slice(part);
        }
        self.0.extend_from_slice(b"\r\n");
        self
    }

    /// Writes one argument that is a number.
    pub(crate) fn int(&mut self, number: i64) -> &mut Self {
        self.text(itoa::Buffer::new().format(number))
    }
}

fn write_length(bytes: &mut Vec<u8>, kind: u8, length: usize) {
    bytes.push(kind);
    bytes.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
    bytes.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_an_array_of_strings() {
        let mut packed = Packed::default();
        packed.command(3, |args| {
            args.text("INCRBY").joined(&[b"a:", b"b"]).int(i64::MIN);
        });
        assert_eq!(
            packed.bytes(),
            b"*3\r\n$6\r\nINCRBY\r\n$3\r\na:b\r\n$20\r\n-9223372036854775808\r\n"
        );
    }

    #[test]
    fn each_command_can_be_taken_out_again() {
        let mut packed = Packed::default();
        packed.command(1, |args| {
            args.text("PING");
        });
        packed.at(7).command(2, |args| {
            args.text("GET").text("k");
        });
        assert_eq!(packed.commands(), 2);
        assert_eq!([0, 1, 2].map(|index| packed.slot_at(index)), [None, Some(7), None]);
        assert_eq!(packed.command_at(0), b"*1\r\n$4\r\nPING\r\n");
        assert_eq!(packed.command_at(1), b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
        let mut again = Packed::default();
        again.copy_from(&packed, 1);
        assert_eq!((again.bytes(), again.slot_at(0)), (packed.command_at(1), Some(7)));
        assert_eq!(again.commands(), 1);
    }
}
