//! A model of the note that says until when days are rolled up into months, which can be checked
//! exhaustively. It has a day and its month, of a key that may be declared to be counted by months,
//! too; two processes that roll up; and a reader of the month, which keeps what it has read of the
//! note for a while. How claims are moved is in [`rollup`](super::rollup): here each count is in
//! the table at once.

use stateright::{Model, Property};

/// A read of the month by its days returns what was true, whether the month is counted or not.
pub const READS: &str = "a read of the month returns what is true";
/// A day with a count is rolled up, and the key is counted by months.
pub const ROLLS_UP: &str = "a day is rolled up, and then months are declared";

/// A world, and what the processes in it do.
#[derive(Debug, Clone)]
pub struct RollNote {
    /// How often something is counted.
    pub counts: u8,
    /// What the processes do.
    pub rules: NoteRules,
    /// The properties to check.
    pub said: Vec<&'static str>,
}

/// What the processes do. The default is what the library does; every other value is a mistake.
#[derive(Debug, Clone, Copy)]
pub struct NoteRules {
    /// For what a roll-up waits once it is noted.
    pub waits: WaitsFor,
    /// Whether days are rolled up only once nothing is counted in their month any more.
    pub only_closed: bool,
    /// Whether days are rolled up only if the key is not counted by months.
    pub only_uncounted: bool,
    /// Whether a read takes only the months that are noted.
    pub reads_noted: bool,
}

/// For what a roll-up waits once it is noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitsFor {
    /// Until every reader has read the note.
    Readers,
    /// For its next call.
    NextCall,
    /// Nothing.
    Nothing,
}

impl Default for NoteRules {
    fn default() -> Self {
        let (only_closed, only_uncounted, reads_noted) = (true, true, true);
        Self { waits: WaitsFor::Readers, only_closed, only_uncounted, reads_noted }
    }
}

/// Everything at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NoteState {
    day: u8,
    month: u8,
    truth: u8,
    counted: u8,
    /// Whether something may still be counted in the month.
    is_open: bool,
    is_declared: bool,
    /// Whether it is noted that the key is counted by months.
    is_counted: bool,
    /// Whether it is noted that the day is rolled up.
    is_noted: bool,
    rollers: [At; 2],
    /// What the reader knows of the note.
    reader: Option<bool>,
    is_wrong: bool,
    has_rolled: bool,
}

/// How far a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum At {
    Idle,
    /// It has read the notes, and found this.
    Read {
        is_noted: bool,
        is_old: bool,
        may_note: bool,
    },
    /// It has noted that the day is rolled up.
    Noted,
}

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteAction {
    /// Something is counted in the day, and in the month if that is declared.
    Count,
    /// The key is declared to be counted by months.
    Declare,
    /// The month is over, and the time of late events too.
    Close,
    /// The next step of one that rolls up.
    RollUp(usize),
    /// The reader reads the note.
    ReadNote,
    /// The reader reads the month.
    Read,
}

impl Model for RollNote {
    type State = NoteState;
    type Action = NoteAction;

    fn init_states(&self) -> Vec<NoteState> {
        vec![NoteState {
            day: 1,
            month: 0,
            truth: 1,
            counted: 0,
            is_open: true,
            is_declared: false,
            is_counted: false,
            is_noted: false,
            rollers: [At::Idle; 2],
            reader: None,
            is_wrong: false,
            has_rolled: false,
        }]
    }

    fn actions(&self, state: &NoteState, actions: &mut Vec<NoteAction>) {
        // Late events of a process that does not count by months may come at any time.
        if state.counted < self.counts && (state.is_open || !state.is_declared) {
            actions.push(NoteAction::Count);
        }
        if !state.is_declared {
            actions.push(NoteAction::Declare);
        }
        if state.is_open {
            actions.push(NoteAction::Close);
        }
        actions.extend([NoteAction::RollUp(0), NoteAction::RollUp(1), NoteAction::ReadNote]);
        if state.reader.is_some() {
            actions.push(NoteAction::Read);
        }
    }

    fn next_state(&self, before: &NoteState, action: NoteAction) -> Option<NoteState> {
        let mut state = *before;
        match action {
            NoteAction::Count => {
                state.counted += 1;
                state.truth += 1;
                state.day += 1;
                if state.is_declared {
                    // A sync notes it before it writes the first bucket.
                    state.is_counted = true;
                    state.month += 1;
                }
            }
            NoteAction::Declare => state.is_declared = true,
            NoteAction::Close => state.is_open = false,
            NoteAction::RollUp(of) => state.roll_up(of, &self.rules),
            NoteAction::ReadNote => state.reader = Some(state.is_noted),
            NoteAction::Read => {
                let is_noted = state.reader.is_some_and(|is_noted| is_noted);
                let rolled = if is_noted || !self.rules.reads_noted { state.month } else { 0 };
                state.is_wrong |= state.day + rolled != state.truth;
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let property = |name: &&'static str| match *name {
            READS => Property::always(READS, |_, state: &NoteState| !state.is_wrong),
            ROLLS_UP => Property::sometimes(ROLLS_UP, |_, state: &NoteState| {
                state.has_rolled && state.is_declared
            }),
            other => unreachable!("{other}"),
        };
        self.said.iter().map(property).collect()
    }
}

impl NoteState {
    fn roll_up(&mut self, of: usize, rules: &NoteRules) {
        self.rollers[of] = match self.rollers[of] {
            At::Idle => At::Read {
                is_noted: self.is_noted,
                // The note is so old that no reader relies on what was there before.
                is_old: self.reader != Some(false),
                may_note: (!self.is_open || !rules.only_closed)
                    && (!self.is_counted || !rules.only_uncounted),
            },
            At::Read { is_noted: true, is_old, .. } => {
                if is_old || rules.waits != WaitsFor::Readers {
                    self.add_up();
                }
                At::Idle
            }
            At::Read { may_note: true, .. } => {
                self.is_noted = true;
                if rules.waits == WaitsFor::Nothing { At::Noted } else { At::Idle }
            }
            At::Read { .. } => At::Idle,
            At::Noted => {
                self.add_up();
                At::Idle
            }
        };
    }

    /// One transaction moves the count.
    fn add_up(&mut self) {
        self.has_rolled |= self.day > 0;
        self.month += self.day;
        self.day = 0;
    }
}
