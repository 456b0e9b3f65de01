//! Answers that nodes may give, from fake nodes that answer what a test sets.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use counter_core::{DeltaStore, Error, RedisStore};
use counter_tests::fixtures::views_of;
use counter_tests::process::wait_for;
use counter_tests::servers::{FakeRedis, FakeReply};
use counter_tests::store_worlds::{PATIENCE, patient};

use super::faults::prefix;

/// How long a store waits that is to run out of time.
const SOON: Duration = Duration::from_secs(1);

/// With less time left than this a command is not sent.
const LAST_MOMENT: Duration = Duration::from_millis(20);

/// More often than a store follows nodes that name each other.
const OFTEN: usize = 12;

/// Two nodes of a cluster, of which the first says at first that it has all slots.
struct Nodes {
    store: RedisStore,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    /// The increments that were sent, each with the number of its node and whether the node was
    /// asked to carry it out though it does not have the slot.
    sent: Vec<Sent>,
    owner: Owner,
}

/// Which node has the slots, as both say.
#[derive(Default)]
enum Owner {
    #[default]
    First,
    /// They do not say.
    Unnamed,
    /// One that takes no connections.
    Away,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Sent {
    node: usize,
    counter: String,
    asking: bool,
}

/// What a node answers, given its number, the counter, and how many times the counter was sent to
/// any.
type Answer = fn(usize, &str, usize) -> Says;

#[derive(Debug, Clone, Copy)]
enum Says {
    Counted,
    /// The slot is at the other node.
    Moved,
    /// The name is at the other node.
    Ask,
    Error(&'static str),
    /// It can carry out nothing, and the slots have gone to a node that takes no connections.
    LosesSlots,
    HangsUp,
}

impl Nodes {
    fn new(answer: Answer) -> Self {
        Self::waited_for(PATIENCE, answer)
    }

    fn waited_for(read: Duration, answer: Answer) -> Self {
        let (seen, ports) = (Arc::default(), Arc::<[OnceLock<u16>; 2]>::default());
        for node in 0..2 {
            let fake = fake_node(node, answer, Arc::clone(&seen), Arc::clone(&ports));
            ports[node].set(port_of(&fake)).unwrap();
        }
        let url = format!("redis+cluster://127.0.0.1:{}", ports[0].get().unwrap());
        // On a busy machine the first question about who has which slot may take too long.
        let store = wait_for("a node that says who has the slots", || {
            let builder = RedisStore::builder(&url).prefix(prefix()).timeouts(patient());
            builder.read_timeout(read).without_index().build().ok()
        });
        Self { store, seen }
    }

    fn increment(&self) -> Result<(), Error> {
        self.store.increment(&views_of(1), 1)
    }

    /// Returns which counters were sent to which nodes, in this order.
    fn sent(&self) -> Vec<(usize, String)> {
        let seen = self.seen.lock().unwrap();
        seen.sent.iter().map(|it| (it.node, it.counter.clone())).collect()
    }
}

fn port_of(fake: &FakeRedis) -> u16 {
    fake.url().trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap()
}

fn fake_node(
    node: usize,
    answer: Answer,
    seen: Arc<Mutex<Seen>>,
    ports: Arc<[OnceLock<u16>; 2]>,
) -> FakeRedis {
    let asking = Arc::new(Mutex::new(false));
    FakeRedis::start(move |_, words: &[String]| match words[0].as_str() {
        "CLUSTER" => match seen.lock().unwrap().owner {
            Owner::First => all_slots_at(*ports[0].get().unwrap()),
            Owner::Unnamed => FakeReply::Bytes("*0\r\n"),
            Owner::Away => all_slots_at(1),
        },
        "ASKING" => {
            *asking.lock().unwrap() = true;
            FakeReply::Bytes("+OK\r\n")
        }
        "INCRBY" => {
            let counter = words[1].rsplit_once("post:").unwrap().1;
            let asking = std::mem::take(&mut *asking.lock().unwrap());
            let other = *ports[1 - node].get().unwrap();
            seen.lock().unwrap().count(node, counter, asking, answer).reply(other)
        }
        other => panic!("{other} was not expected"),
    })
}

impl Seen {
    fn count(&mut self, node: usize, counter: &str, asking: bool, answer: Answer) -> Says {
        let before = self.sent.iter().filter(|it| it.counter == counter).count();
        self.sent.push(Sent { node, counter: counter.to_owned(), asking });
        let says = answer(node, counter, before);
        match says {
            Says::Moved => self.owner = Owner::Unnamed,
            Says::LosesSlots => self.owner = Owner::Away,
            _ => {}
        }
        says
    }
}

impl Says {
    fn reply(self, other: u16) -> FakeReply {
        match self {
            Self::Counted => FakeReply::Bytes(":1\r\n"),
            Self::Moved => bytes(format!("-MOVED 6805 127.0.0.1:{other}\r\n")),
            Self::Ask => bytes(format!("-ASK 6805 127.0.0.1:{other}\r\n")),
            Self::Error(error) => FakeReply::Bytes(error),
            Self::LosesSlots => FakeReply::Bytes("-CLUSTERDOWN The cluster is down\r\n"),
            Self::HangsUp => FakeReply::HangUp,
        }
    }
}

fn all_slots_at(port: u16) -> FakeReply {
    bytes(format!("*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:{port}\r\n"))
}

fn bytes(text: String) -> FakeReply {
    FakeReply::Bytes(text.leak())
}

#[test]
fn an_increment_follows_its_slot_and_the_next_one_goes_there_at_once() {
    let nodes = Nodes::new(|node, _, _| if node == 0 { Says::Moved } else { Says::Counted });
    nodes.increment().unwrap();
    nodes.increment().unwrap();
    let one = "1:views".to_owned();
    assert_eq!(nodes.sent(), [(0, one.clone()), (1, one.clone()), (1, one)]);
}

#[test]
fn a_name_that_has_moved_before_its_slot_is_asked_for_once() {
    let nodes = Nodes::new(|node, _, _| if node == 0 { Says::Ask } else { Says::Counted });
    nodes.increment().unwrap();
    nodes.increment().unwrap();
    let seen = nodes.seen.lock().unwrap();
    let asked: Vec<_> = seen.sent.iter().map(|it| (it.node, it.asking)).collect();
    assert_eq!(asked, [(0, false), (1, true), (0, false), (1, true)]);
}

#[test]
fn two_nodes_that_name_each_other_for_good_are_left_soon() {
    let (moved, ask): (Answer, Answer) = (|_, _, _| Says::Moved, |_, _, _| Says::Ask);
    for answer in [moved, ask] {
        let nodes = Nodes::new(answer);
        let error = nodes.increment().unwrap_err();
        assert!(matches!(error, Error::NotCounted { .. }), "{error:?}");
        let sent = nodes.sent();
        assert_eq!(sent.len(), 9, "{sent:?}");
        let turns: Vec<_> = sent.iter().map(|(node, _)| *node).collect();
        assert_eq!(turns, [0, 1, 0, 1, 0, 1, 0, 1, 0]);
    }
}

#[test]
fn a_node_that_cannot_now_is_asked_again_until_it_can() {
    let moving: Answer = |_, _, before| match before {
        0..OFTEN => Says::Error("-TRYAGAIN Multiple keys request during rehashing of slot\r\n"),
        _ => Says::Counted,
    };
    let down: Answer = |_, _, before| match before {
        0..OFTEN => Says::Error("-CLUSTERDOWN Hash slot not served\r\n"),
        _ => Says::Counted,
    };
    for answer in [moving, down] {
        let nodes = Nodes::new(answer);
        nodes.increment().unwrap();
        assert_eq!(nodes.sent().len(), OFTEN + 1);
    }
}

/// The node that follows takes no connections, so that no answer can be late on a busy machine: an
/// increment whose answer is late is unknown.
#[test]
fn what_no_node_can_carry_out_is_tried_until_the_time_is_over() {
    let nodes = Nodes::waited_for(SOON, |_, _, _| Says::LosesSlots);
    let start = Instant::now();
    let error = nodes.increment().unwrap_err();
    let took = start.elapsed();
    assert!(matches!(error, Error::NotCounted { .. }), "{error:?}");
    // Nodes are not asked for the owner twice within 100 ms, and half of the time would be 10.
    assert!(nodes.sent().len() < 10, "{:?}", nodes.sent());
    assert!(took > SOON - LAST_MOMENT, "{took:?}");
}

#[test]
fn a_redirect_of_another_slot_is_no_redirect() {
    let nodes = Nodes::new(|_, _, _| Says::Error("-MOVED 1 127.0.0.1:1\r\n"));
    assert!(matches!(nodes.increment(), Err(Error::NotCounted { .. })));
    assert_eq!(nodes.sent().len(), 1);
}

#[test]
fn what_a_node_refuses_for_a_reason_of_its_own_is_sent_once() {
    let nodes = Nodes::new(|_, _, _| Says::Error("-OOM command not allowed\r\n"));
    assert!(matches!(nodes.increment(), Err(Error::NotCounted { .. })));
    assert_eq!(nodes.sent().len(), 1);
}

#[test]
fn an_increment_whose_answer_is_lost_is_sent_to_no_other_node() {
    let nodes = Nodes::new(|_, _, _| Says::HangsUp);
    assert!(matches!(nodes.increment(), Err(Error::OutcomeUnknown { .. })));
    assert_eq!(nodes.sent().len(), 1);
    // Neither is one that was redirected once.
    let nodes = Nodes::new(|node, _, _| if node == 0 { Says::Moved } else { Says::HangsUp });
    assert!(matches!(nodes.increment(), Err(Error::OutcomeUnknown { .. })));
    assert_eq!(nodes.sent().len(), 2);
}

/// Ten counters, of which those with odd numbers have moved.
fn half_moved(node: usize, counter: &str, _: usize) -> Says {
    let number: u32 = counter.split(':').next().unwrap().parse().unwrap();
    if number % 2 == 1 && node == 0 { Says::Ask } else { Says::Counted }
}

#[test]
fn of_many_increments_only_those_that_were_not_carried_out_are_sent_on() {
    let nodes = Nodes::new(half_moved);
    let increments: Vec<_> = (0..10).map(|number| (views_of(number), 1)).collect();
    for outcome in nodes.store.increment_many(&increments) {
        outcome.unwrap();
    }
    let sent = nodes.sent();
    let on: Vec<_> = sent[10..].iter().map(|(node, counter)| (*node, counter.as_str())).collect();
    let expected = ["1:views", "3:views", "5:views", "7:views", "9:views"].map(|odd| (1, odd));
    assert_eq!(on, expected);
}

#[test]
fn of_many_increments_those_before_a_lost_answer_are_known() {
    let nodes = Nodes::new(|node, counter, before| match half_moved(node, counter, before) {
        Says::Counted if node == 1 => Says::HangsUp,
        says => says,
    });
    let increments: Vec<_> = [0, 2, 4, 5, 6].map(|number| (views_of(number), 1)).into();
    let outcomes = nodes.store.increment_many(&increments);
    assert!(outcomes[..3].iter().all(Result::is_ok), "{outcomes:?}");
    let are_unknown = |outcomes: &[Result<(), Error>]| {
        outcomes.iter().all(|it| matches!(it, Err(Error::OutcomeUnknown { .. })))
    };
    assert!(are_unknown(&outcomes[3..]), "{outcomes:?}");
    let twice = nodes.sent().iter().filter(|(node, _)| *node == 1).count();
    assert_eq!(twice, 1);
}
