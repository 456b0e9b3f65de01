//! The index of what may be pending: hashes whose fields are ids, each with a token.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::LazyLock;

use super::found;
use super::random::random;
use crate::error::{BoxError, Error, StoreStep};
use crate::id::{CounterId, Owner};
use crate::names::{Pattern, dirty_hash_of};
use crate::redis::connection::{Checkout, Deadline, Packed, Reply, Script, Unexpected};
use crate::redis::server::Server;
use crate::store::{Cursor, IndexEntry, IndexPage};

static REMOVE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("remove_from_index.lua")));

/// The most fields that one command writes, reads or removes. The server does nothing else
/// meanwhile.
const CHUNK: usize = 250;

/// How many commands are sent before their replies are read.
const WINDOW: usize = 64;

/// Writes counters into the index. Returns those that have to be written again, because the server
/// did not answer, or may accept them later.
pub(crate) fn write_index(server: &Server, ids: Vec<CounterId>) -> Vec<CounterId> {
    let chunks = chunks_by_hash(ids, |id| id);
    let mut replies = Vec::new();
    let _ = server.step(StoreStep::Index, |checkout| {
        // Each write has a token of its own, also where it repeats one without an answer: that may
        // still be carried out, after others.
        let token = format!("{:016x}", random());
        for window in chunks.chunks(WINDOW) {
            let mut commands = Packed::default();
            for (hash, ids) in window {
                commands.command(2 + 2 * ids.len(), |args| {
                    args.text("HSET").text(name_of(server, *hash));
                    for id in ids {
                        args.text(id.as_str()).text(&token);
                    }
                });
            }
            replies.extend(server.ask_all(checkout, &commands)?);
        }
        Ok(())
    });
    // What has an answer was written, or is refused for good.
    let mut replies = replies.into_iter();
    let is_left = |_: &(u8, Vec<CounterId>)| {
        replies.next().is_none_or(|reply: Reply| reply.may_be_accepted_later())
    };
    chunks.into_iter().filter(is_left).flat_map(|(_, ids)| ids).collect()
}

/// Returns a page of the index. It begins with those hashes that hold anything, from a random one
/// on.
pub(crate) fn page(
    server: &Server,
    from: &[Cursor],
    count: NonZeroUsize,
) -> Result<IndexPage, Error> {
    server.repeatable_step(StoreStep::Index, Deadline::NEVER, |checkout| {
        let mut page = IndexPage::default();
        let places = match from {
            [] => first_places(server, checkout, &mut page)?,
            from => from.iter().map(|place| (*place, CHUNK)).collect(),
        };
        // As many hashes at once as fill the page.
        let mut expected = 0;
        let at_once = places.iter().take_while(|(_, fields)| {
            let is_wanted = expected < count.get();
            expected += (*fields).min(CHUNK);
            is_wanted
        });
        let (now, later) = places.split_at(at_once.count().min(WINDOW));
        page.next.extend(later.iter().map(|(place, _)| *place));
        if !now.is_empty() {
            read_fields(server, checkout, now, count, &mut page)?;
        }
        Ok(page)
    })
}

/// The most pages of a hash that are looked through for an owner. One that is longer is of a store
/// where no worker has been for long.
const OWNER_PAGES: usize = 16;

/// Returns the owner's counters that the index names, as far as it is read; no buckets of them.
pub(crate) fn of_owner(server: &Server, owner: &Owner) -> Result<Vec<CounterId>, Error> {
    let any = CounterId::new(owner.owner_type().as_str(), owner.id().clone(), "any")?;
    let name = name_of(server, dirty_hash_of(&any));
    let glob = format!("{}:*", Pattern::escape(any.encoded_owner()));
    server.repeatable_step(StoreStep::Look, Deadline::NEVER, |checkout| {
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
            let (next, fields) = super::scan::parse_scan(reply)?;
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
    checkout: &mut Checkout<'_>,
    page: &mut IndexPage,
) -> Result<Vec<(Cursor, usize)>, BoxError> {
    let names = server.names().dirty_hashes();
    let mut commands = Packed::default();
    for name in names {
        commands.command(2, |args| {
            args.text("HLEN").text(name);
        });
    }
    let mut places = Vec::new();
    for ((round, name), reply) in (0..).zip(names).zip(server.ask_all(checkout, &commands)?) {
        match reply {
            Reply::Int(0) => {}
            Reply::Int(fields) => {
                let fields = usize::try_from(fields).unwrap_or(usize::MAX);
                places.push((Cursor { round, position: 0 }, fields));
            }
            reply => note_gap(page, name, reply)?,
        }
    }
    if !places.is_empty() {
        let start = random() % places.len() as u64;
        places.rotate_left(start as usize);
    }
    Ok(places)
}

fn read_fields(
    server: &Server,
    checkout: &mut Checkout<'_>,
    places: &[(Cursor, usize)],
    count: NonZeroUsize,
    page: &mut IndexPage,
) -> Result<(), BoxError> {
    let mut commands = Packed::default();
    for (place, _) in places {
        commands.command(5, |args| {
            args.text("HSCAN").text(name_of(server, place.round as u8));
            args.text(place.position.to_string());
            args.text("COUNT").text(count.get().min(CHUNK).to_string());
        });
    }
    let replies = server.ask_all(checkout, &commands)?;
    // What is begun is finished first.
    let mut next = Vec::new();
    for ((place, _), reply) in places.iter().zip(replies) {
        let name = name_of(server, place.round as u8);
        if matches!(reply, Reply::Refused(_)) {
            note_gap(page, name, reply)?;
            continue;
        }
        let (position, fields) = super::scan::parse_scan(reply)?;
        if position != 0 {
            next.push(Cursor { position, ..*place });
        }
        for entry in fields.chunks(2) {
            note_entry(page, place.round, name, entry)?;
        }
    }
    page.next.splice(0..0, next);
    Ok(())
}

fn note_entry(
    page: &mut IndexPage,
    hash: u32,
    name: &str,
    entry: &[Vec<u8>],
) -> Result<(), Unexpected> {
    let [field, token] = entry else { return Err(Unexpected) };
    let id = str::from_utf8(field).ok().and_then(|field| field.parse::<CounterId>().ok());
    match id.filter(|id| u32::from(dirty_hash_of(id)) == hash) {
        Some(id) => page.entries.push(IndexEntry { id, token: token.clone() }),
        None => page.foreign.push(found::not_a_dirty_counter(name, field)),
    }
    Ok(())
}

/// Notes that a hash cannot be read. If it is of another type, that is named.
fn note_gap(page: &mut IndexPage, name: &str, reply: Reply) -> Result<(), BoxError> {
    page.has_gaps = true;
    match reply {
        reply if reply.is_wrong_type() => {
            page.foreign.push(found::not_a_string(name.to_owned(), "value of another type"));
            Ok(())
        }
        Reply::Refused(_) => Ok(()),
        reply => Err(reply.into_error()),
    }
}

/// Removes each entry that still has its token.
pub(crate) fn remove(server: &Server, entries: &[IndexEntry]) -> Result<(), Error> {
    let chunks = chunks_by_hash(entries.iter().collect(), |entry| &entry.id);
    server.repeatable_step(StoreStep::Index, Deadline::NEVER, |checkout| {
        for window in chunks.chunks(WINDOW) {
            let mut calls = Packed::default();
            for (hash, entries) in window {
                REMOVE.call(&mut calls, 1, 2 * entries.len(), |args| {
                    args.text(name_of(server, *hash));
                    for entry in entries {
                        args.text(entry.id.as_str()).text(&entry.token);
                    }
                });
            }
            for reply in server.run(&REMOVE, checkout, &calls)? {
                reply.into_number()?;
            }
        }
        Ok(())
    })
}

/// Returns the items by the hash that names them, at most so many together as one command takes.
fn chunks_by_hash<T>(items: Vec<T>, id_of: impl Fn(&T) -> &CounterId) -> Vec<(u8, Vec<T>)> {
    let mut chunks = Vec::new();
    let mut by_hash = BTreeMap::<u8, Vec<T>>::new();
    for item in items {
        let hash = dirty_hash_of(id_of(&item));
        let of_hash = by_hash.entry(hash).or_default();
        of_hash.push(item);
        if of_hash.len() == CHUNK {
            chunks.push((hash, std::mem::take(of_hash)));
        }
    }
    chunks.extend(by_hash.into_iter().filter(|(_, items)| !items.is_empty()));
    chunks
}

fn name_of(server: &Server, hash: u8) -> &str {
    server.names().dirty_hashes().get(usize::from(hash)).map_or("", String::as_str)
}
