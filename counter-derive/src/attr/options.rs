use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::{Attribute, LitStr, MacroDelimiter, Meta, parse2};

use super::attr_name::AttrName;
use super::enum_name::EnumName;
use super::key_attr::{self, KeyAttr};
use crate::item::{Item, Value, split};
use crate::mistakes::Mistakes;

/// The options as they were written.
#[derive(Default)]
pub(crate) struct Options {
    /// `None` if the option was not given. An option without keys has been reported already.
    pub(crate) keys: Option<Vec<KeyAttr>>,
    /// As `keys`.
    pub(crate) gauges: Option<Vec<KeyAttr>>,
    pub(crate) owner_type: Option<LitStr>,
    pub(crate) key_enum: Option<EnumName>,
    pub(crate) gauge_enum: Option<EnumName>,
    /// Whether the primary key has the bytes of a UUID.
    pub(crate) has_uuid_bytes: bool,
    /// The name of the field that holds the owner's time zone.
    pub(crate) zone: Option<Ident>,
    seen: Vec<AttrName>,
}

/// Reads the options of a struct.
pub(crate) fn read(attrs: &[Attribute], mistakes: &mut Mistakes) -> Options {
    let mut options = Options::default();
    for attr in ours(attrs) {
        match &attr.meta {
            Meta::List(list) if matches!(list.delimiter, MacroDelimiter::Paren(_)) => {
                for piece in split(list.tokens.clone()) {
                    options.read(piece, mistakes);
                }
            }
            meta => mistakes.add(meta, "write `#[counters(keys(views, likes))]`"),
        }
    }
    options
}

/// Refuses options on a field, where they would be ignored in silence.
pub(crate) fn refuse(attrs: &[Attribute], mistakes: &mut Mistakes) {
    for attr in ours(attrs) {
        mistakes.add(attr, "`#[counters(...)]` belongs to the struct: move it above `struct`");
    }
}

fn ours(attrs: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident("counters"))
}

impl Options {
    fn read(&mut self, piece: TokenStream, mistakes: &mut Mistakes) {
        let Ok(item) = parse2::<Item>(piece.clone()) else {
            return mistakes.add(piece, format!("expected an option: {}", AttrName::list()));
        };
        let Some(name) = AttrName::find(&item.name) else {
            return mistakes.add(&item.name, AttrName::unknown(&item.name));
        };
        if self.seen.contains(&name) {
            return mistakes.add(&item.name, name.repeated());
        }
        self.seen.push(name);
        match name {
            AttrName::Keys => self.keys = Some(key_attr::read(name, item.value, &piece, mistakes)),
            AttrName::Gauges => {
                self.gauges = Some(key_attr::read(name, item.value, &piece, mistakes));
            }
            AttrName::OwnerType => self.owner_type = text(name, item.value, &piece, mistakes),
            AttrName::KeyEnum => self.key_enum = enum_name(name, item.value, &piece, mistakes),
            AttrName::GaugeEnum => self.gauge_enum = enum_name(name, item.value, &piece, mistakes),
            AttrName::Zone => self.zone = field_name(name, item.value, &piece, mistakes),
            AttrName::Id => {
                self.has_uuid_bytes = matches!(&item.value, Value::Name(kind) if kind == "uuid");
                if !self.has_uuid_bytes {
                    mistakes.add(piece, "the only kind of id that needs a name is `id = uuid`");
                }
            }
        }
    }
}

/// Reads the value of an option whose value is a text.
fn text(
    name: AttrName,
    value: Value,
    place: impl ToTokens,
    mistakes: &mut Mistakes,
) -> Option<LitStr> {
    match value {
        Value::Text(text) => return Some(text),
        // A text without its quotes.
        Value::Name(value) => mistakes.add(place, format!("write `{} = \"{value}\"`", name.text())),
        _ => mistakes.add(place, format!("write `{}`", name.form())),
    }
    None
}

/// Reads the value of an option whose value is the name of an enum.
fn enum_name(
    name: AttrName,
    value: Value,
    place: impl ToTokens,
    mistakes: &mut Mistakes,
) -> Option<EnumName> {
    match value {
        Value::Name(name) => return Some(EnumName::Bare(name)),
        Value::Text(text) => return Some(EnumName::Quoted(text)),
        _ => mistakes.add(place, format!("write `{}`", name.form())),
    }
    None
}

/// Reads the value of an option whose value is the name of a field.
fn field_name(
    name: AttrName,
    value: Value,
    place: impl ToTokens,
    mistakes: &mut Mistakes,
) -> Option<Ident> {
    match value {
        Value::Name(field) => return Some(field),
        Value::Text(field) => {
            let text = format!("write `{} = {}`, without quotes", name.text(), field.value());
            mistakes.add(place, text);
        }
        _ => mistakes.add(place, format!("write `{}`", name.form())),
    }
    None
}
