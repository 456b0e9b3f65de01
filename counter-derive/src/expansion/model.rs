use proc_macro2::TokenStream;
use quote::quote;
use syn::Path;

use super::{has_counters, has_owner_column, key_enum};
use crate::input::Field;
use crate::valid::Model;

/// Returns the code for a model without mistakes.
pub(crate) fn model(model: &Model<'_>, id: &Field<'_>, root: &Path) -> TokenStream {
    let has_counters =
        has_counters::expand(model, &model.owner_type, &has_counters::owner_id(id, root), root);
    let has_owner_column = has_owner_column::expand(model, root);
    let key_enum = key_enum::expand(model, root);
    quote! {
        #has_counters
        #has_owner_column
        #key_enum
    }
}
