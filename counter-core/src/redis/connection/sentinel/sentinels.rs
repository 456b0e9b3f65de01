use std::time::{Duration, Instant};

use ::redis::{Client, Connection, ConnectionAddr};

use super::address::Address;
use super::url::SentinelUrl;
use crate::error::BoxError;
use crate::redact::Secrets;
use crate::redis::connection::clients::Clients;
use crate::redis::connection::lost::is_lost_connection;
use crate::redis::connection::packed::Packed;
use crate::redis::connection::reply::{Reply, Unexpected};
use crate::redis::connection::wire::Wire;

/// The longest time for connecting to a sentinel, and for each of its answers.
const TIMEOUT: Duration = Duration::from_millis(200);

/// The longest time for connecting to one that speaks TLS, which takes more than one exchange.
const TLS_CONNECT_TIMEOUT: Duration = Duration::from_millis(500);

/// The time for which one that did not answer is not asked again about a failover.
const REST: Duration = Duration::from_secs(5);

/// The sentinels, with a connection to each that was asked.
pub(super) struct Sentinels {
    all: Vec<Sentinel>,
    master_name: String,
    /// The index of the one that is asked first: the one that answered last.
    first: usize,
}

struct Sentinel {
    client: Client,
    connection: Option<Connection>,
    /// When it did not answer, if that was its last answer.
    silent_since: Option<Instant>,
}

/// The master that a sentinel names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) address: Address,
    /// Rises with each failover. `None` if this user may not ask for it.
    pub(super) epoch: Option<u64>,
    /// Whether this sentinel is putting another in its place.
    pub(super) is_being_replaced: bool,
    /// The number of sentinels that this one knows, itself included.
    pub(crate) known_sentinels: Option<u64>,
}

/// What one sentinel answered.
#[derive(Debug)]
pub(crate) struct SentinelAnswer {
    pub(crate) sentinel: String,
    /// The master that it names, or why it names none.
    pub(crate) named: Result<Named, String>,
}

/// What was known of the master before the sentinels are asked.
#[derive(Debug, Clone)]
pub(super) enum Known {
    /// Nothing. The first sentinel that answers is believed.
    Nothing,
    /// The master that was named last. A sentinel that names another one is believed if its epoch
    /// is newer. Otherwise all are asked, because it may have been cut off from the others.
    Master(Named),
    /// A master that does not answer, or is none. All are asked.
    Doubted,
}

impl Sentinels {
    pub(super) fn new(url: &SentinelUrl, clients: &Clients) -> Result<Self, String> {
        let all = url.sentinels().map(|info| {
            let client = clients.client(info?)?;
            Ok(Sentinel { client, connection: None, silent_since: None })
        });
        let all = all.collect::<Result<_, String>>()?;
        Ok(Self { all, master_name: url.master_name().to_owned(), first: 0 })
    }

    /// Asks the sentinels in turn who the master is, until one of them can be believed.
    ///
    /// # Errors
    ///
    /// What each sentinel answered instead, if none names a master.
    pub(super) fn ask(&mut self, known: &Known) -> Result<Named, String> {
        let mut best: Option<Named> = None;
        let mut failures = Vec::new();
        let order = (self.first..self.all.len()).chain(0..self.first);
        for index in order {
            let Some(sentinel) = self.all.get_mut(index) else { break };
            match sentinel.ask(&self.master_name) {
                Ok(named) => {
                    let is_believed = known.confirms(&named);
                    if best.as_ref().is_none_or(|best| named.epoch > best.epoch) {
                        best = Some(named);
                        self.first = index;
                    }
                    if is_believed {
                        break;
                    }
                }
                Err(why) => failures.push(format!("{}: {why}", sentinel.address())),
            }
        }
        best.ok_or_else(|| failures.join("; "))
    }

    /// Returns whether a sentinel names a later master than this one, or is about to. Of three, the
    /// one that conducts a failover knows of it a second before the others, and from its begin on.
    pub(super) fn is_disputed(&mut self, followed: &Named) -> bool {
        let name = &self.master_name;
        let asked = self.all.iter_mut().filter(|sentinel| !sentinel.rests());
        asked.filter_map(|sentinel| sentinel.ask(name).ok()).any(|named| named.disputes(followed))
    }

    /// Asks each sentinel.
    pub(super) fn ask_each(&mut self) -> Vec<SentinelAnswer> {
        let ask = |sentinel: &mut Sentinel| SentinelAnswer {
            named: sentinel.ask(&self.master_name),
            sentinel: sentinel.address(),
        };
        self.all.iter_mut().map(ask).collect()
    }
}

impl Named {
    /// Returns whether this is a word against the master that is followed. A sentinel that was cut
    /// off names an earlier master, and one may name the same master by a name where another one
    /// names it by an address: neither has a newer epoch. One that says no epoch may have.
    fn disputes(&self, followed: &Self) -> bool {
        let may_be_newer = self.epoch.is_none() || self.epoch > followed.epoch;
        self.is_being_replaced || (self.address != followed.address && may_be_newer)
    }
}

impl Known {
    /// Returns whether an answer needs no second opinion.
    fn confirms(&self, named: &Named) -> bool {
        match self {
            Self::Nothing => true,
            Self::Master(last) => last.address == named.address || last.epoch < named.epoch,
            Self::Doubted => false,
        }
    }
}

impl Sentinel {
    /// Asks on the connection of last time. A sentinel that has ended that is asked on another.
    fn ask(&mut self, master_name: &str) -> Result<Named, String> {
        let had_connection = self.connection.is_some();
        let mut answer = self.try_ask(master_name);
        if had_connection && answer.as_ref().is_err_and(is_lost_connection) {
            answer = self.try_ask(master_name);
        }
        self.silent_since = answer.is_err().then(Instant::now);
        answer.map_err(|error| {
            let password = self.client.get_connection_info().redis_settings().password();
            Secrets::of_password(password).redact(&error.to_string())
        })
    }

    fn try_ask(&mut self, master_name: &str) -> Result<Named, BoxError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        connection.send(questions(master_name).bytes())?;
        let (address, master) = (connection.receive()?, connection.receive()?);
        // Only now is there no late answer that a later question could get.
        self.connection = Some(connection);
        let address = parse_address(address)?.ok_or("it knows no master of this name")?;
        let fields = Fields::read(master);
        let known_sentinels = fields.number("num-other-sentinels").map(|others| others + 1);
        let epoch = fields.number("config-epoch");
        let is_being_replaced = fields.has_flag("failover_in_progress");
        Ok(Named { address, epoch, is_being_replaced, known_sentinels })
    }

    fn connect(&self) -> Result<Connection, BoxError> {
        let within = match self.client.get_connection_info().addr() {
            ConnectionAddr::TcpTls { .. } => TLS_CONNECT_TIMEOUT,
            _ => TIMEOUT,
        };
        let mut connection = self.client.get_connection_with_timeout(within)?;
        Wire::set_read_timeout(&mut connection, Some(TIMEOUT))?;
        Wire::set_write_timeout(&mut connection, Some(TIMEOUT))?;
        Ok(connection)
    }

    fn rests(&self) -> bool {
        self.silent_since.is_some_and(|since| since.elapsed() < REST)
    }

    fn address(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }
}

/// Returns the questions to a sentinel. In the middle of a failover only the first has the new
/// address already.
fn questions(master_name: &str) -> Packed {
    let mut questions = Packed::default();
    for question in ["GET-MASTER-ADDR-BY-NAME", "MASTER"] {
        questions.command(3, |args| {
            args.text("SENTINEL").text(question).text(master_name);
        });
    }
    questions
}

/// Returns the host and the port, or `None` if the sentinel knows no such master.
fn parse_address(reply: Reply) -> Result<Option<Address>, BoxError> {
    if matches!(reply, Reply::Nil) {
        return Ok(None);
    }
    let mut parts = reply.into_array()?.into_iter().map(|part| {
        let part = part.into_text()?.ok_or(Unexpected)?;
        Ok::<_, BoxError>(String::from_utf8(part)?)
    });
    let (Some(host), Some(port)) = (parts.next(), parts.next()) else {
        return Err(Unexpected.into());
    };
    Ok(Some(Address::new(host?, port?.parse()?)))
}

/// The fields in which a sentinel describes a master: names and values in turn.
struct Fields(Vec<(Vec<u8>, Vec<u8>)>);

impl Fields {
    fn read(reply: Reply) -> Self {
        let texts = reply.into_array().unwrap_or_default();
        let mut texts = texts.into_iter().map(|text| text.into_text().ok().flatten());
        let mut fields = Vec::new();
        while let (Some(Some(name)), Some(Some(value))) = (texts.next(), texts.next()) {
            fields.push((name, value));
        }
        Self(fields)
    }

    fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(field, _)| field == name.as_bytes())?;
        str::from_utf8(value).ok()
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    fn has_flag(&self, flag: &str) -> bool {
        self.text("flags").is_some_and(|flags| flags.split(',').any(|other| other == flag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Reply {
        Reply::Text(text.as_bytes().to_vec())
    }

    fn named(port: u16, epoch: Option<u64>) -> Named {
        let address = Address::new("h", port);
        Named { address, epoch, is_being_replaced: false, known_sentinels: None }
    }

    #[test]
    fn an_address_of_any_form_is_an_address_or_an_error() {
        let address = |items: Vec<Reply>| parse_address(Reply::Array(items)).ok().flatten();
        assert_eq!(address(vec![text("h"), text("1")]), Some(Address::new("h", 1)));
        assert_eq!(address(vec![text("h")]), None);
        assert_eq!(address(vec![text("h"), text("65536")]), None);
        assert_eq!(address(vec![Reply::Int(1), Reply::Nil]), None);
        assert!(parse_address(Reply::Nil).is_ok_and(|address| address.is_none()));
        assert!(parse_address(Reply::Int(1)).is_err());
    }

    #[test]
    fn fields_are_found_by_name_and_what_is_missing_is_unknown() {
        let words = ["name", "m", "config-epoch", "7", "num-other-sentinels", "x"];
        let flags = ["flags", "master,failover_in_progress", "odd"];
        let words = words.into_iter().chain(flags).map(text);
        let fields = Fields::read(Reply::Array(words.collect()));
        assert!(fields.has_flag("failover_in_progress") && !fields.has_flag("failover"));
        assert_eq!(fields.number("config-epoch"), Some(7));
        assert_eq!(fields.number("num-other-sentinels"), None);
        assert_eq!(fields.number("m"), None);
        assert_eq!(Fields::read(Reply::Nil).number("name"), None);
    }

    #[test]
    fn a_master_is_disputed_by_a_newer_epoch_or_a_failover_and_not_by_what_is_old() {
        let followed = named(1, Some(5));
        for (other, disputes) in [
            (named(1, Some(5)), false),
            (named(1, Some(6)), false),
            (named(2, Some(4)), false),
            (named(2, Some(5)), false),
            (named(2, Some(6)), true),
            (named(2, None), true),
            (named(1, None), false),
            (Named { is_being_replaced: true, ..named(1, Some(5)) }, true),
        ] {
            assert_eq!(other.disputes(&followed), disputes, "{other:?}");
        }
        assert!(named(2, Some(0)).disputes(&named(1, None)));
    }

    #[test]
    fn a_sentinel_that_names_another_master_is_believed_alone_only_if_its_epoch_is_newer() {
        let known = Known::Master(named(1, Some(5)));
        assert!(known.confirms(&named(1, Some(4))));
        assert!(known.confirms(&named(2, Some(6))));
        assert!(!known.confirms(&named(2, Some(5))));
        assert!(!known.confirms(&named(2, None)));
        assert!(Known::Nothing.confirms(&named(2, None)));
        assert!(!Known::Doubted.confirms(&named(1, Some(6))));
    }
}
