//! A bad network: what stands between clients and a server, and passes on what the test allows.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use tempfile::TempDir;

/// Takes connections in the place of a server and passes on what both sides say. Ends with the
/// process of the test.
pub struct Proxy {
    place: Place,
    network: Arc<Network>,
}

/// Where clients find it.
enum Place {
    Tcp(SocketAddr),
    /// The folder of its socket, and the socket of the server.
    Unix(TempDir, Arc<Mutex<PathBuf>>),
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Towards {
    /// From a client.
    Server,
    /// From the server.
    Client,
}

/// What happens to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It ends, for both sides.
    Cut,
    /// What follows in this direction arrives once it is [released](Proxy::release).
    Hold,
    /// What follows in this direction arrives that much later.
    Delay(Duration),
    /// What follows of this message arrives byte by byte, one in that time, until it is
    /// [released](Proxy::release).
    Drip(Duration),
    /// These bytes arrive in the place of the message.
    Instead(&'static str),
}

/// What happens, and to whom: the connection that is about to pass on the byte of this number in
/// this direction, counted over all connections and from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trouble {
    /// In which direction bytes are counted.
    pub towards: Towards,
    /// How many of them arrive before it.
    pub after: usize,
    /// What it is.
    pub kind: Kind,
}

impl Trouble {
    /// A random one: half of them are cuts.
    fn choose(choices: &mut Rng) -> Self {
        let towards = if choices.bool() { Towards::Server } else { Towards::Client };
        // As often within few bytes as within many.
        let magnitude = choices.u32(..18);
        let after = choices.usize(..1 << magnitude);
        let kind = match choices.u8(..6) {
            0..3 => Kind::Cut,
            3..5 => Kind::Delay(Duration::from_millis(choices.u64(..400))),
            _ => Kind::Drip(Duration::from_micros(choices.u64(..1000))),
        };
        Self { towards, after, kind }
    }
}

impl Proxy {
    /// In front of a server on this machine with this port.
    pub fn to_port(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let place = Place::Tcp(listener.local_addr().expect("it has an address"));
        let connect = move || {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
            stream.set_nodelay(true)?;
            Ok(Stream::Tcp(stream))
        };
        let accept = move || {
            let (stream, _) = listener.accept()?;
            stream.set_nodelay(true)?;
            Ok(Stream::Tcp(stream))
        };
        Self { place, network: serve(accept, connect) }
    }

    /// In front of a server with this Unix socket; its own has the same name in [another
    /// folder](Self::folder).
    pub fn to_socket(socket: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder is made");
        let name = socket.file_name().expect("a socket has a name");
        let listener = UnixListener::bind(folder.path().join(name)).expect("a socket is made");
        let target = Arc::new(Mutex::new(socket.to_owned()));
        let of_thread = Arc::clone(&target);
        let connect = move || {
            let socket = of_thread.lock().unwrap_or_else(PoisonError::into_inner).clone();
            Ok(Stream::Unix(UnixStream::connect(socket)?))
        };
        let accept = move || Ok(Stream::Unix(listener.accept()?.0));
        Self { place: Place::Unix(folder, target), network: serve(accept, connect) }
    }

    /// From now on new connections lead to the server with this socket. Those that are there stay.
    pub fn lead_to(&self, socket: &Path) {
        match &self.place {
            Place::Unix(_, target) => {
                *target.lock().unwrap_or_else(PoisonError::into_inner) = socket.to_owned();
            }
            Place::Tcp(_) => panic!("it leads to a port"),
        }
    }

    /// Its URL for clients of Redis.
    pub fn redis_url(&self) -> String {
        match &self.place {
            Place::Tcp(address) => format!("redis://{address}/"),
            Place::Unix(..) => panic!("it has no port"),
        }
    }

    /// The folder of its socket.
    pub fn folder(&self) -> PathBuf {
        match &self.place {
            Place::Unix(folder, _) => folder.path().to_owned(),
            Place::Tcp(_) => panic!("it has no socket"),
        }
    }

    /// From now on bytes are counted, and this happens, once.
    pub fn prepare(&self, trouble: Trouble) {
        let mut state = self.network.lock();
        state.next = Some(trouble);
    }

    /// From now on one random trouble follows another.
    pub fn trouble(&self, mut choices: Rng) {
        let mut state = self.network.lock();
        state.next = Some(Trouble::choose(&mut choices));
        state.choices = Some(choices);
    }

    /// From now on nothing more passes on the connections that are there, without any notice, as if
    /// a firewall had forgotten them. New ones are not affected.
    pub fn forget_connections(&self) {
        let mut state = self.network.lock();
        state.forgotten = state.connections;
    }

    /// Nothing more happens, and what is held back arrives. Returns how much has happened since the
    /// last time.
    pub fn calm(&self) -> usize {
        self.release();
        let mut state = self.network.lock();
        (state.next, state.choices) = (None, None);
        std::mem::take(&mut state.happened)
    }

    /// How much has happened since it was last [calm](Self::calm).
    pub fn happened(&self) -> usize {
        self.network.lock().happened
    }

    /// What is held back arrives.
    pub fn release(&self) {
        self.network.lock().releases += 1;
        self.network.released.notify_all();
    }
}

#[derive(Default)]
struct Network {
    state: Mutex<ProxyState>,
    released: Condvar,
}

#[derive(Default)]
struct ProxyState {
    next: Option<Trouble>,
    /// What follows the next trouble, if something does.
    choices: Option<Rng>,
    happened: usize,
    releases: usize,
    /// How many connections there have been, and how many of those are forgotten.
    connections: usize,
    forgotten: usize,
}

fn serve(
    accept: impl Fn() -> io::Result<Stream> + Send + 'static,
    connect: impl Fn() -> io::Result<Stream> + Send + 'static,
) -> Arc<Network> {
    let network = Arc::<Network>::default();
    let of_thread = Arc::clone(&network);
    thread::spawn(move || {
        while let Ok(client) = accept() {
            // Where there is no server the client is hung up on.
            if let Ok(server) = connect() {
                join(client, server, &of_thread).expect("streams are cloned");
            }
        }
    });
    network
}

fn join(client: Stream, server: Stream, network: &Arc<Network>) -> io::Result<()> {
    let ways = [
        (client.try_clone()?, server.try_clone()?, Towards::Server),
        (server, client, Towards::Client),
    ];
    let number = {
        let mut state = network.lock();
        state.connections += 1;
        state.connections
    };
    for (mut from, mut to, towards) in ways {
        let network = Arc::clone(network);
        thread::spawn(move || {
            // Whatever ends one direction ends the other.
            let _ = network.pass_all(number, &mut from, &mut to, towards);
            from.shutdown();
            to.shutdown();
        });
    }
    Ok(())
}

impl Network {
    fn pass_all(
        &self,
        number: usize,
        from: &mut Stream,
        to: &mut Stream,
        towards: Towards,
    ) -> io::Result<()> {
        let mut buffer = [0; 8192];
        loop {
            let length = from.read(&mut buffer)?;
            if length == 0 {
                return Ok(());
            }
            if number <= self.lock().forgotten {
                continue;
            }
            self.pass(&buffer[..length], to, towards)?;
        }
    }

    fn pass(&self, mut bytes: &[u8], to: &mut Stream, towards: Towards) -> io::Result<()> {
        while !bytes.is_empty() {
            let (length, kind) = self.take(towards, bytes.len());
            to.write_all(&bytes[..length])?;
            bytes = &bytes[length..];
            match kind {
                None => {}
                Some(Kind::Cut) => return Err(io::ErrorKind::ConnectionAborted.into()),
                Some(Kind::Hold) => self.wait_for_release(),
                Some(Kind::Delay(time)) => thread::sleep(time),
                Some(Kind::Drip(time)) => return self.drip(bytes, to, time),
                Some(Kind::Instead(text)) => return to.write_all(text.as_bytes()),
            }
        }
        Ok(())
    }

    /// Byte by byte, until what is held back arrives.
    fn drip(&self, bytes: &[u8], to: &mut Stream, time: Duration) -> io::Result<()> {
        let before = self.lock().releases;
        for byte in bytes {
            if self.lock().releases == before {
                thread::sleep(time);
            }
            to.write_all(&[*byte])?;
        }
        Ok(())
    }

    /// How many of so many bytes arrive before something happens, and what that is.
    fn take(&self, towards: Towards, length: usize) -> (usize, Option<Kind>) {
        let mut state = self.lock();
        match &mut state.next {
            Some(next) if next.towards == towards && next.after < length => {
                let taken = (next.after, Some(next.kind));
                state.happened += 1;
                state.next = state.choices.as_mut().map(Trouble::choose);
                taken
            }
            Some(next) if next.towards == towards => {
                next.after -= length;
                (length, None)
            }
            _ => (length, None),
        }
    }

    fn wait_for_release(&self) {
        let state = self.lock();
        let before = state.releases;
        let released = self.released.wait_while(state, |state| state.releases == before);
        drop(released.unwrap_or_else(PoisonError::into_inner));
    }

    fn lock(&self) -> MutexGuard<'_, ProxyState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(stream) => Self::Tcp(stream.try_clone()?),
            Self::Unix(stream) => Self::Unix(stream.try_clone()?),
        })
    }

    /// The other side may have done so before.
    fn shutdown(&self) {
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.flush(),
            Self::Unix(stream) => stream.flush(),
        }
    }
}
