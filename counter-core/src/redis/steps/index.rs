//! The index of what may be pending: hashes whose fields are ids, each with a token.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::LazyLock;

use super::found;
use super::random::random;
use crate::error::{BoxError, Error, StoreStep};
use crate::id::{CounterId, Owner};
use crate::names::{DIRTY_HASHES, Pattern, Slot, dirty_hash_of};
use crate::redis::batch::{self, Batch, IfLost, InSlot, Window};
use crate::redis::connection::{Checkout, Deadline, Names, Packed, Reply, Script, Unexpected};
use crate::redis::server::Server;
use crate::store::{Cursor, IndexEntry, IndexPage};

static REMOVE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("remove_from_index.lua")));

/// The most fields that one command writes, reads or removes. The server does nothing else
/// meanwhile.
const CHUNK: usize = 250;

/// How many commands are sent before their replies are read.
const WINDOW: usize = 64;

const BATCH: Batch = Batch {
    step: StoreStep::Index,
    chunk: 1,
    window: WINDOW,
    if_lost: IfLost::Repeat { until: Deadline::NEVER },
};

/// The subject of a command: a hash, by its number, and something of it.
#[derive(Debug, Clone)]
struct OfHash<T> {
    hash: u8,
    what: T,
}

impl<T> InSlot for OfHash<T> {
    fn slot(&self, names: &Names) -> Slot {
        names.slot_of_name(name_in(names, self.hash))
    }
}

/// Sends a command about each item. Returns the replies, and `None` where the node of a cluster
/// does not answer while others do.
fn ask_about<T: Clone>(
    server: &Server,
    batch: Batch,
    items: &[OfHash<T>],
    write: impl Fn(&mut Packed, &OfHash<T>),
) -> Result<Vec<Option<Reply>>, Error> {
    let ask = |checkout: &mut Checkout<'_>,
               window: &Window<'_, OfHash<T>>,
               replies: &mut Vec<Option<Reply>>| {
        let commands = window
            .pack(|commands, chunk| chunk.items.iter().for_each(|item| write(commands, item)));
        replies.extend(server.ask_all(checkout, &commands)?.into_iter().map(Some));
        Ok(())
    };
    let names = server.names();
    batch::in_chunks_or(server, names, batch, items, ask, |error, items| match error {
        Error::Store { .. } if names.are_spread() => Ok(items.iter().map(|_| None).collect()),
        error => Err(error),
    })
}

/// Writes counters into the index. Returns those that have to be written again, because the server
/// did not answer, or may accept them later.
pub(crate) fn write_index(server: &Server, ids: Vec<CounterId>) -> Vec<CounterId> {
    let chunks = chunks_by_hash(ids, |id| id);
    // Each write has a token of its own, also where it repeats one without an answer: that may
    // still be carried out, after others.
    let token = format!("{:016x}", random());
    let batch = Batch { if_lost: IfLost::Fail, ..BATCH };
    let replies = ask_about(server, batch, &chunks, |commands, OfHash { hash, what: ids }| {
        commands.command(2 + 2 * ids.len(), |args| {
            args.text("HSET").text(name_of(server, *hash));
            for id in ids {
                args.text(id.as_str()).text(&token);
            }
        });
    });
    // A write with an answer was made, or is refused permanently.
    let mut replies = replies.unwrap_or_default().into_iter();
    let is_left = |_: &OfHash<Vec<CounterId>>| {
        replies.next().flatten().is_none_or(|reply| reply.may_be_accepted_later())
    };
    chunks.into_iter().filter(is_left).flat_map(|chunk| chunk.what).collect()
}

/// A place in a hash. In another era another node may have it, in another order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    era: u32,
    hash: u8,
    position: u64,
}

/// How many bits of a cursor's round are the number of the hash.
const HASH_BITS: u32 = 8;

impl Place {
    const fn of(cursor: Cursor) -> Self {
        let Cursor { round, position } = cursor;
        Self { era: round >> HASH_BITS, hash: round as u8, position }
    }

    const fn cursor(self) -> Cursor {
        Cursor { round: (self.era << HASH_BITS) | self.hash as u32, position: self.position }
    }

    /// Returns the same place, or the beginning of the hash if this is another era.
    fn in_era(self, era: u32) -> Self {
        let position = if self.era == era { self.position } else { 0 };
        Self { era, position, ..self }
    }
}

/// Returns a page of the index. It begins with those hashes that hold anything, from a random one
/// on.
pub(crate) fn page(
    server: &Server,
    from: &[Cursor],
    count: NonZeroUsize,
) -> Result<IndexPage, Error> {
    let mut page = IndexPage::default();
    let era = server.era();
    let places = match from {
        [] => first_places(server, era, &mut page)?,
        from => from.iter().map(|place| (Place::of(*place).in_era(era), CHUNK)).collect(),
    };
    // As many hashes at once as fill the page.
    let mut expected = 0;
    let at_once = places.iter().take_while(|(_, fields)| {
        let is_wanted = expected < count.get();
        expected += (*fields).min(CHUNK);
        is_wanted
    });
    let (now, later) = places.split_at(at_once.count().min(WINDOW));
    page.next.extend(later.iter().map(|(place, _)| place.cursor()));
    if !now.is_empty() {
        read_fields(server, now, count, &mut page)?;
    }
    Ok(page)
}

/// The most pages of a hash that are looked through for an owner. One that is longer is of a store
/// where no worker has been for long.
const OWNER_PAGES: usize = 16;

/// Returns the owner's counters that the index names, as far as it is read; no buckets of them.
pub(crate) fn of_owner(server: &Server, owner: &Owner) -> Result<Vec<CounterId>, Error> {
    let any = CounterId::new(owner.owner_type().as_str(), owner.id().clone(), "any")?;
    let name = name_of(server, dirty_hash_of(&any));
    let glob = format!("{}:*", Pattern::escape(any.encoded_owner()));
    let slot = server.names().slot_of_name(name);
    server.repeatable_step(StoreStep::Look, slot, Deadline::NEVER, |checkout| {
        let (mut ids, mut position) = (Vec::new(), 0);
        for _ in 0..OWNER_PAGES {
            let mut command = Packed::default();
            command.command(7, |args| {
                args.text("HSCAN").text(name).text(position.to_string());
                args.text("MATCH").text(&glob).text("COUNT").text("1000");
            });
            let reply = server.ask(checkout, &command)?;
            if matches!(reply, Reply::Refused(_)) {
                break;
            }
            let (next, fields) = super::scan_page::parse_scan(reply)?;
            let names = fields.chunks(2).filter_map(|entry| str::from_utf8(entry.first()?).ok());
            ids.extend(names.filter_map(|name| CounterId::of_total(name).ok()));
            position = next;
            if position == 0 {
                break;
            }
        }
        Ok(ids)
    })
}

/// Returns the beginnings of the hashes that hold anything, with the number of their fields.
fn first_places(
    server: &Server,
    era: u32,
    page: &mut IndexPage,
) -> Result<Vec<(Place, usize)>, Error> {
    let hashes = (0..DIRTY_HASHES).map(|hash| OfHash { hash, what: () }).collect::<Vec<_>>();
    let replies = ask_about(server, BATCH, &hashes, |commands, OfHash { hash, .. }| {
        commands.command(2, |args| {
            args.text("HLEN").text(name_of(server, *hash));
        });
    })?;
    let mut places = Vec::new();
    for (OfHash { hash, .. }, reply) in hashes.into_iter().zip(replies) {
        match reply {
            Some(Reply::Int(0)) => {}
            Some(Reply::Int(fields)) => {
                let fields = usize::try_from(fields).unwrap_or(usize::MAX);
                places.push((Place { era, hash, position: 0 }, fields));
            }
            reply => note_gap(page, name_of(server, hash), reply).map_err(as_index_error)?,
        }
    }
    if !places.is_empty() {
        let start = random() % places.len() as u64;
        places.rotate_left(start as usize);
    }
    Ok(places)
}

fn as_index_error(source: BoxError) -> Error {
    Error::Store { step: StoreStep::Index, source }
}

fn read_fields(
    server: &Server,
    places: &[(Place, usize)],
    count: NonZeroUsize,
    page: &mut IndexPage,
) -> Result<(), Error> {
    let places = places.iter().map(|(place, _)| OfHash { hash: place.hash, what: *place });
    let places = places.collect::<Vec<_>>();
    let replies = ask_about(server, BATCH, &places, |commands, OfHash { hash, what: place }| {
        commands.command(5, |args| {
            args.text("HSCAN").text(name_of(server, *hash)).text(place.position.to_string());
            args.text("COUNT").text(count.get().min(CHUNK).to_string());
        });
    })?;
    let next = note_fields(server, &places, replies, page).map_err(as_index_error)?;
    // Hashes that were begun are finished first.
    page.next.splice(0..0, next);
    Ok(())
}

/// Adds what was read to the page, and returns where the reading of these hashes goes on.
fn note_fields(
    server: &Server,
    places: &[OfHash<Place>],
    replies: Vec<Option<Reply>>,
    page: &mut IndexPage,
) -> Result<Vec<Cursor>, BoxError> {
    let mut next = Vec::new();
    for (OfHash { hash, what: place }, reply) in places.iter().zip(replies) {
        let name = name_of(server, *hash);
        let reply = match reply {
            None | Some(Reply::Refused(_)) => {
                note_gap(page, name, reply)?;
                continue;
            }
            Some(reply) => reply,
        };
        let (position, fields) = super::scan_page::parse_scan(reply)?;
        if position != 0 {
            next.push(Place { position, ..*place }.cursor());
        }
        for entry in fields.chunks(2) {
            note_entry(page, *hash, name, entry)?;
        }
    }
    Ok(next)
}

fn note_entry(
    page: &mut IndexPage,
    hash: u8,
    name: &str,
    entry: &[Vec<u8>],
) -> Result<(), Unexpected> {
    let [field, token] = entry else { return Err(Unexpected) };
    let id = str::from_utf8(field).ok().and_then(|field| field.parse::<CounterId>().ok());
    match id.filter(|id| dirty_hash_of(id) == hash) {
        Some(id) => page.entries.push(IndexEntry { id, token: token.clone() }),
        None => page.foreign.push(found::not_a_dirty_counter(name, field)),
    }
    Ok(())
}

/// Notes that a hash cannot be read. If it is of another type, that is named.
fn note_gap(page: &mut IndexPage, name: &str, reply: Option<Reply>) -> Result<(), BoxError> {
    page.has_gaps = true;
    match reply {
        Some(reply) if reply.is_wrong_type() => {
            page.foreign.push(found::not_a_string(name.to_owned(), "value of another type"));
            Ok(())
        }
        None | Some(Reply::Refused(_)) => Ok(()),
        Some(reply) => Err(reply.into_error()),
    }
}

/// Removes each entry that still has its token.
pub(crate) fn remove(server: &Server, entries: &[IndexEntry]) -> Result<(), Error> {
    let chunks = chunks_by_hash(entries.iter().collect(), |entry| &entry.id);
    batch::in_any_order(server, BATCH, &chunks, |checkout, window, _: &mut Vec<()>| {
        let calls = window.pack(|calls, chunk| {
            for OfHash { hash, what: entries } in chunk.items {
                REMOVE.call(calls, 1, 2 * entries.len(), |args| {
                    args.text(name_of(server, *hash));
                    for entry in entries {
                        args.text(entry.id.as_str()).text(&entry.token);
                    }
                });
            }
        });
        for reply in server.run(&REMOVE, checkout, &calls)? {
            reply.into_number()?;
        }
        Ok(())
    })?;
    Ok(())
}

/// Returns the items by the hash that names them, at most so many together as one command takes.
fn chunks_by_hash<T>(items: Vec<T>, id_of: impl Fn(&T) -> &CounterId) -> Vec<OfHash<Vec<T>>> {
    let mut chunks = Vec::new();
    let mut by_hash = BTreeMap::<u8, Vec<T>>::new();
    for item in items {
        let hash = dirty_hash_of(id_of(&item));
        let of_hash = by_hash.entry(hash).or_default();
        of_hash.push(item);
        if of_hash.len() == CHUNK {
            chunks.push(OfHash { hash, what: std::mem::take(of_hash) });
        }
    }
    let rest = by_hash.into_iter().filter(|(_, items)| !items.is_empty());
    chunks.extend(rest.map(|(hash, what)| OfHash { hash, what }));
    chunks
}

fn name_of(server: &Server, hash: u8) -> &str {
    name_in(server.names(), hash)
}

fn name_in(names: &Names, hash: u8) -> &str {
    names.dirty_hashes().get(usize::from(hash)).map_or("", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_anew_in_another_era() {
        let place = Place { era: 5, hash: 63, position: 7 };
        assert_eq!(Place::of(place.cursor()), place);
        assert_eq!(place.in_era(5), place);
        assert_eq!(place.in_era(6), Place { era: 6, hash: 63, position: 0 });
        // Where there is no cluster, the round is the number of the hash.
        assert_eq!(Place { era: 0, hash: 9, position: 0 }.cursor().round, 9);
    }
}
