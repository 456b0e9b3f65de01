//! The steps of counting and of a sync: a file for each, with its Lua beside it. A step can change
//! what is counted.

mod ack;
mod adopt;
mod begin_decision;
mod begin_scan;
mod claim;
mod confirm;
mod count_together;
mod discard;
mod found;
mod generation;
mod increment;
mod index;
mod look;
mod look_in_parts;
mod move_counts;
mod newest_readings;
mod note;
mod raise;
mod raise_for_id;
mod random;
mod recall;
mod recall_parts;
mod record;
mod renumber;
mod replace;
mod scan;
mod scan_nodes;
mod scan_page;
mod values;
mod verify;

pub(super) use ack::ack;
pub(super) use adopt::adopt;
pub(super) use begin_decision::begin_decision;
pub(super) use begin_scan::{abandon_scan, begin_scan};
pub(super) use claim::claim;
pub(super) use count_together::count_together;
pub(super) use discard::discard;
pub(super) use found::{not_a_string, not_an_id};
pub(super) use generation::{generation, present_generation};
pub(super) use increment::{Found, increment, increment_many};
pub(super) use index::{
    of_owner as index_of_owner, page as index_page, remove as remove_from_index, write_index,
};
pub(super) use look::{held_under, look, newest_beside_id};
pub(super) use move_counts::move_counts;
pub(super) use newest_readings::newest_readings;
pub(super) use note::note;
pub(super) use raise::{raise, raise_emptied, raise_found};
pub(super) use raise_for_id::Known;
pub(super) use recall::{readable_notes, recall};
pub(super) use recall_parts::recall_parts;
pub(super) use record::record;
pub(super) use renumber::renumber;
pub(super) use replace::{replace, replace_many, replace_unchanged};
pub(super) use scan::scan;
pub(super) use scan_nodes::open_slots;
pub(super) use values::{parse_generation, parse_high_water, parse_time};
pub(super) use verify::verify;
