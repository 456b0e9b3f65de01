//! Answers that nodes may give, from fake nodes that answer what a test sets.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use counter_core::{DeltaStore, Error, RedisStore};
use counter_tests::fixtures::views_of;
use counter_tests::servers::{FakeRedis, FakeReply};

use super::faults::prefix;

/// How long a store waits for an answer.
const READ: Duration = Duration::from_millis(400);

/// Two nodes of a cluster, of which the first says that it has all slots.
struct Nodes {
    store: RedisStore,
    /// The increments that were sent, each with the number of its node and whether the node was
    /// asked to carry it out though it does not have the slot.
    sent: Arc<Mutex<Vec<Sent>>>,
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
    HangsUp,
}

impl Nodes {
    fn new(answer: Answer) -> Self {
        let (sent, ports) = (Arc::default(), Arc::<[OnceLock<u16>; 2]>::default());
        for node in 0..2 {
            let fake = fake_node(node, answer, Arc::clone(&sent), Arc::clone(&ports));
            ports[node].set(port_of(&fake)).unwrap();
        }
        let url = format!("redis+cluster://127.0.0.1:{}", ports[0].get().unwrap());
        let builder = RedisStore::builder(url).prefix(prefix()).read_timeout(READ);
        Self { store: builder.without_index().build().unwrap(), sent }
    }

    fn increment(&self) -> Result<(), Error> {
        self.store.increment(&views_of(1), 1)
    }

    /// Returns which counters were sent to which nodes, in this order.
    fn sent(&self) -> Vec<(usize, String)> {
        let sent = self.sent.lock().unwrap();
        sent.iter().map(|it| (it.node, it.counter.clone())).collect()
    }
}

fn port_of(fake: &FakeRedis) -> u16 {
    fake.url().trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap()
}

fn fake_node(
    node: usize,
    answer: Answer,
    sent: Arc<Mutex<Vec<Sent>>>,
    ports: Arc<[OnceLock<u16>; 2]>,
) -> FakeRedis {
    let asking = Arc::new(Mutex::new(false));
    FakeRedis::start(move |_, words: &[String]| match words[0].as_str() {
        "CLUSTER" => {
            let port = ports[0].get().unwrap();
            bytes(format!("*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:{port}\r\n"))
        }
        "ASKING" => {
            *asking.lock().unwrap() = true;
            FakeReply::Bytes("+OK\r\n")
        }
        "INCRBY" => {
            let counter = words[1].rsplit_once("post:").unwrap().1.to_owned();
            let asking = std::mem::take(&mut *asking.lock().unwrap());
            let mut sent = sent.lock().unwrap();
            let before = sent.iter().filter(|it| it.counter == counter).count();
            sent.push(Sent { node, counter: counter.clone(), asking });
            let other = ports[1 - node].get().unwrap();
            match answer(node, &counter, before) {
                Says::Counted => FakeReply::Bytes(":1\r\n"),
                Says::Moved => bytes(format!("-MOVED 6805 127.0.0.1:{other}\r\n")),
                Says::Ask => bytes(format!("-ASK 6805 127.0.0.1:{other}\r\n")),
                Says::Error(error) => FakeReply::Bytes(error),
                Says::HangsUp => FakeReply::HangUp,
            }
        }
        other => panic!("{other} was not expected"),
    })
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
    let sent = nodes.sent.lock().unwrap();
    let asked: Vec<_> = sent.iter().map(|it| (it.node, it.asking)).collect();
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
fn a_node_that_cannot_now_is_asked_again_until_the_time_is_over() {
    let moving: Answer = |_, _, before| match before {
        0..3 => Says::Error("-TRYAGAIN Multiple keys request during rehashing of slot\r\n"),
        _ => Says::Counted,
    };
    let down: Answer = |_, _, before| match before {
        0..3 => Says::Error("-CLUSTERDOWN Hash slot not served\r\n"),
        _ => Says::Counted,
    };
    for answer in [moving, down] {
        let nodes = Nodes::new(answer);
        nodes.increment().unwrap();
        assert_eq!(nodes.sent().len(), 4);
    }
    let nodes = Nodes::new(|_, _, _| Says::Error("-CLUSTERDOWN The cluster is down\r\n"));
    let start = Instant::now();
    let error = nodes.increment().unwrap_err();
    assert!(matches!(error, Error::NotCounted { .. }), "{error:?}");
    assert!(start.elapsed() >= READ, "{:?}", start.elapsed());
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
