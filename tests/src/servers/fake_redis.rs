use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

/// What speaks the protocol of Redis and answers what a test wants it to.
///
/// It ends with the process of the test.
pub struct FakeRedis {
    port: u16,
}

/// What becomes of one command.
pub enum FakeReply {
    /// These bytes are sent.
    Bytes(&'static str),
    /// These bytes are kept, and sent before those of the next command that are not.
    KeptBack(&'static str),
    /// Nothing is ever sent, for this command and all that follow.
    Silence,
    /// The connection is closed.
    HangUp,
}

/// What becomes of a command, by its number on its connection and by its words.
pub trait Answer: Fn(usize, &[String]) -> FakeReply + Clone + Send + 'static {}

impl<F: Fn(usize, &[String]) -> FakeReply + Clone + Send + 'static> Answer for F {}

impl FakeRedis {
    /// Answers each connection's commands with what `answer` returns for their number on that
    /// connection, from 0, and their words. What a client sends to introduce itself does not count
    /// and is accepted, and neither does its question whether the connection still answers.
    pub fn start(answer: impl Answer) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answer = answer.clone();
                thread::spawn(move || serve(stream, &answer));
            }
        });
        Self { port }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }
}

fn serve(mut stream: TcpStream, answer: &impl Answer) {
    let mut input = BufReader::new(stream.try_clone().expect("a socket can be cloned"));
    let (mut number, mut kept_back) = (0, String::new());
    while let Some(words) = read_command(&mut input) {
        let reply = if words[0] == "CLIENT" {
            FakeReply::Bytes("+OK\r\n")
        } else if words[0] == "PING" {
            FakeReply::Bytes("+PONG\r\n")
        } else {
            number += 1;
            answer(number - 1, &words)
        };
        match reply {
            FakeReply::KeptBack(bytes) => kept_back.push_str(bytes),
            FakeReply::Bytes(bytes) => {
                kept_back.push_str(bytes);
                if stream.write_all(std::mem::take(&mut kept_back).as_bytes()).is_err() {
                    return;
                }
            }
            FakeReply::Silence => {
                // Until the client gives up.
                let _ = input.read_to_end(&mut Vec::new());
                return;
            }
            FakeReply::HangUp => return,
        }
    }
}

fn read_command(input: &mut impl BufRead) -> Option<Vec<String>> {
    let words = read_length(input, '*')?;
    (0..words).map(|_| read_word(input)).collect()
}

fn read_word(input: &mut impl BufRead) -> Option<String> {
    let mut word = vec![0; read_length(input, '$')? + 2];
    input.read_exact(&mut word).ok()?;
    word.truncate(word.len() - 2);
    String::from_utf8(word).ok()
}

fn read_length(input: &mut impl BufRead, kind: char) -> Option<usize> {
    let mut line = String::new();
    input.read_line(&mut line).ok()?;
    line.trim_end().strip_prefix(kind)?.parse().ok()
}
