use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Fields, Path, Type};

use crate::attr::{self, Options};
use crate::diesel;
use crate::mistakes::Mistakes;

/// The item under the derive, with its attributes read and nothing checked yet.
pub(crate) struct Input<'a> {
    pub(crate) item: &'a DeriveInput,
    pub(crate) options: Options,
    /// The table of `#[diesel(table_name = ...)]`.
    pub(crate) table: Option<Path>,
    /// The columns of `#[diesel(primary_key(...))]`.
    pub(crate) primary_key: Vec<Ident>,
    /// The named fields.
    pub(crate) fields: Vec<Field<'a>>,
}

pub(crate) struct Field<'a> {
    pub(crate) name: &'a Ident,
    pub(crate) ty: &'a Type,
    /// The column that Diesel loads the field from, if `is_column`.
    pub(crate) column: String,
    /// Whether Diesel loads the field from a column. Attributes can name something else.
    pub(crate) is_column: bool,
}

impl<'a> Input<'a> {
    pub(crate) fn read(item: &'a DeriveInput, mistakes: &mut Mistakes) -> Self {
        let options = attr::read(&item.attrs, mistakes);
        let fields = match &item.data {
            Data::Struct(data) => fields(&data.fields, mistakes),
            Data::Enum(_) | Data::Union(_) => Vec::new(),
        };
        let (table, primary_key) =
            (diesel::table_name(&item.attrs), diesel::primary_key(&item.attrs));
        Self { item, options, table, primary_key, fields }
    }
}

fn fields<'a>(fields: &'a Fields, mistakes: &mut Mistakes) -> Vec<Field<'a>> {
    fields
        .iter()
        .filter_map(|field| {
            attr::refuse(&field.attrs, mistakes);
            let name = field.ident.as_ref()?;
            Some(Field {
                name,
                ty: &field.ty,
                column: diesel::column_name(&field.attrs)
                    .unwrap_or_else(|| name.unraw().to_string()),
                is_column: diesel::is_column(&field.attrs),
            })
        })
        .collect()
}
