//! The index of what is pending, as a model that can be checked exhaustively: one counter, a
//! process that counts and sets, and workers that follow the index, claim, die and go on.
//!
//! The index names the counter by a field with a token. A process writes it after the count, by a
//! command of its own, which may arrive at any later time; so may the removal. The index is a hint:
//! what it does not name waits for the next scan of everything. So nothing here is about counts.
//! The model shows that the index names what a scan would find, unless a process dies before it
//! could write.

use stateright::{Model, Property};

/// A counter with anything pending or claimed is named, or will be, or a worker is at work on it.
pub const NAMED: &str = "what is pending is named, or will be";
/// The index does not keep what is not pending for ever.
pub const EMPTIES: &str = "an index that names nothing pending is emptied by a pass";

/// A world, and how its index is kept.
#[derive(Debug, Clone)]
pub struct Index {
    /// How many increments are made.
    pub increments: u8,
    /// How many sets are made.
    pub sets: u8,
    /// How many writes of the index have no answer, and are repeated.
    pub lost_replies: u8,
    /// How many passes each worker makes.
    pub passes: Vec<u8>,
    /// How the index is kept.
    pub keeps: Keeps,
    /// The properties to check.
    pub said: &'static [&'static str],
}

/// How the index is kept. The default is what the library does; every other value is a mistake.
#[derive(Debug, Clone, Copy)]
pub struct Keeps {
    /// What a write of the index says.
    pub token: Token,
    /// Whether a write that is repeated says what it said before.
    pub repeats_token: bool,
    /// Whether a field that is there is left as it is.
    pub only_if_absent: bool,
    /// Whether sets write the index.
    pub of_sets: bool,
    /// Whether a field is removed once a claim is applied that an earlier pass had left behind.
    pub removes_recovered: bool,
    /// Whether a field is removed once its counter is claimed, before the claim is acknowledged.
    pub removes_unacknowledged: bool,
    /// Whether a pass reads the token before it claims.
    pub reads_first: bool,
}

/// What a write of the index says, and a removal compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// Something that was never said before.
    Random,
    /// How often the field was written since it exists.
    Count,
    /// Nothing: a removal compares nothing.
    Nothing,
}

impl Default for Keeps {
    fn default() -> Self {
        Self {
            token: Token::Random,
            repeats_token: false,
            only_if_absent: false,
            of_sets: true,
            removes_recovered: false,
            removes_unacknowledged: false,
            reads_first: true,
        }
    }
}

/// The state of everything at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    /// Whether anything is pending.
    is_pending: bool,
    /// The claim.
    claim: Option<u8>,
    newest_claim: u8,
    field: Option<u8>,
    /// Whether the counting process will name the counter in its next write of the index.
    is_gathered: bool,
    /// The contents of writes that have not arrived.
    writes: Vec<u8>,
    /// The tokens that removals which have not arrived compare.
    removals: Vec<u8>,
    next_token: u8,
    increments: u8,
    sets: u8,
    lost_replies: u8,
    workers: Vec<Worker>,
}

/// A worker that makes passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Worker {
    left: u8,
    at: At,
}

/// How far a pass is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum At {
    Idle,
    /// It has found the field with this token, or found it and not read the token yet.
    Found(Option<u8>),
    /// It applies this claim, which it has made.
    Applies(Option<u8>, u8),
    /// It applies this claim, which was left behind.
    Recovers(Option<u8>, u8),
    /// It claims what was counted since.
    ClaimsAgain(Option<u8>),
    /// Nothing is left, as far as it knows.
    Removes(Option<u8>),
}

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happens {
    /// An increment.
    Count,
    /// A set, which puts a claim in the place of everything.
    Set,
    /// The counting process writes the index.
    Send,
    /// It writes the index and hears no answer, so it will write it again.
    SendUnanswered,
    /// A write arrives.
    Write(usize),
    /// A removal arrives.
    Remove(usize),
    /// The next step of a worker.
    Step(usize),
    /// A worker finds that another one has the claim.
    FindBusy(usize),
    /// A worker dies.
    Crash(usize),
}

impl World {
    fn send(&mut self, keeps: Keeps, is_answered: bool) {
        self.is_gathered = !is_answered;
        self.writes.push(self.next_token);
        self.writes.sort_unstable();
        if is_answered || !keeps.repeats_token {
            self.next_token += 1;
        }
    }

    fn write(&mut self, at: usize, keeps: Keeps) {
        let token = self.writes.remove(at);
        self.field = match (keeps.token, self.field) {
            (_, Some(there)) if keeps.only_if_absent => Some(there),
            (Token::Random, _) => Some(token),
            (Token::Count, there) => Some(there.unwrap_or(0) + 1),
            (Token::Nothing, _) => Some(0),
        };
    }

    fn remove(&mut self, at: usize, keeps: Keeps) {
        let token = self.removals.remove(at);
        if keeps.token == Token::Nothing || self.field == Some(token) {
            self.field = None;
        }
    }

    /// Claims, and returns where the pass is then.
    fn claim(&mut self, token: Option<u8>, is_first: bool) -> At {
        if let Some(claim) = self.claim {
            return if is_first { At::Recovers(token, claim) } else { At::Idle };
        }
        if !self.is_pending {
            return At::Removes(token);
        }
        self.is_pending = false;
        At::Applies(token, self.put_claim())
    }

    fn put_claim(&mut self) -> u8 {
        self.newest_claim += 1;
        self.claim = Some(self.newest_claim);
        self.newest_claim
    }

    /// Removes the claim, unless a set has put another one in its place.
    fn acknowledge(&mut self, claim: u8) {
        self.claim.take_if(|held| *held == claim);
    }

    fn ask_for_removal(&mut self, token: Option<u8>) {
        // If the token was not read before, it is read now.
        self.removals.extend(token.or(self.field));
        self.removals.sort_unstable();
    }

    fn step(&mut self, i: usize, keeps: Keeps) -> Option<()> {
        let at = self.workers[i].at;
        self.workers[i].at = match at {
            At::Idle => {
                let token = Some(self.field?).filter(|_| keeps.reads_first);
                self.workers[i].left = self.workers[i].left.checked_sub(1)?;
                At::Found(token)
            }
            At::Found(token) => {
                let at = self.claim(token, true);
                if keeps.removes_unacknowledged && matches!(at, At::Applies(..)) {
                    self.ask_for_removal(token);
                }
                at
            }
            At::Applies(token, claim) => {
                self.acknowledge(claim);
                At::Removes(token)
            }
            At::Recovers(token, claim) => {
                self.acknowledge(claim);
                if keeps.removes_recovered {
                    self.ask_for_removal(token);
                }
                At::ClaimsAgain(token)
            }
            At::ClaimsAgain(token) => self.claim(token, false),
            At::Removes(token) => {
                self.ask_for_removal(token);
                At::Idle
            }
        };
        Some(())
    }

    fn is_at_work(&self) -> bool {
        self.workers.iter().any(|worker| worker.at != At::Idle)
    }
}

impl Model for Index {
    type State = World;
    type Action = Happens;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            is_pending: false,
            claim: None,
            newest_claim: 0,
            field: None,
            is_gathered: false,
            writes: Vec::new(),
            removals: Vec::new(),
            next_token: 1,
            increments: self.increments,
            sets: self.sets,
            lost_replies: self.lost_replies,
            workers: self.passes.iter().map(|left| Worker { left: *left, at: At::Idle }).collect(),
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Happens>) {
        let may_happen = [
            (world.increments > 0, Happens::Count),
            (world.sets > 0, Happens::Set),
            (world.is_gathered, Happens::Send),
            (world.is_gathered && world.lost_replies > 0, Happens::SendUnanswered),
        ];
        actions.extend(may_happen.into_iter().filter(|(may, _)| *may).map(|(_, happens)| happens));
        actions.extend((0..world.writes.len()).map(Happens::Write));
        actions.extend((0..world.removals.len()).map(Happens::Remove));
        for (i, worker) in world.workers.iter().enumerate() {
            actions.push(Happens::Step(i));
            if worker.at != At::Idle {
                actions.push(Happens::Crash(i));
            }
            if matches!(worker.at, At::Found(_)) && world.claim.is_some() {
                actions.push(Happens::FindBusy(i));
            }
        }
    }

    fn next_state(&self, before: &World, action: Happens) -> Option<World> {
        let mut world = before.clone();
        match action {
            Happens::Count => {
                world.increments -= 1;
                world.is_gathered |= !world.is_pending;
                world.is_pending = true;
            }
            Happens::Set => {
                world.sets -= 1;
                world.is_gathered |= self.keeps.of_sets;
                world.is_pending = false;
                world.put_claim();
            }
            Happens::Send => world.send(self.keeps, true),
            Happens::SendUnanswered => {
                world.lost_replies -= 1;
                world.send(self.keeps, false);
            }
            Happens::Write(at) => world.write(at, self.keeps),
            Happens::Remove(at) => world.remove(at, self.keeps),
            Happens::Step(i) => world.step(i, self.keeps)?,
            Happens::FindBusy(i) | Happens::Crash(i) => world.workers[i].at = At::Idle,
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let all: [Property<Self>; 2] = [
            Property::always(NAMED, |_, world: &World| {
                let is_held = world.is_pending || world.claim.is_some();
                let is_named = world.field.is_some() || world.is_gathered;
                !is_held || is_named || !world.writes.is_empty() || world.is_at_work()
            }),
            Property::sometimes(EMPTIES, |_, world: &World| {
                let is_over = world.increments == 0 && !world.is_gathered && !world.is_at_work();
                is_over && world.field.is_none() && world.writes.is_empty()
            }),
        ];
        all.into_iter().filter(|property| self.said.contains(&property.name)).collect()
    }
}
