use proc_macro2::TokenStream;
use quote::quote;
use syn::Path;

use super::{has_counters, has_owner_column, key_enum};
use crate::input::Field;
use crate::valid::Model;

/// Returns the code for a model without mistakes.
pub(crate) fn model(model: &Model<'_>, id: &Field<'_>, root: &Path) -> TokenStream {
    let owner_id = has_counters::owner_id(model, id, root);
    let has_counters = has_counters::expand(model, &model.owner_type, &owner_id, root);
    let has_owner_column = has_owner_column::expand(model, root);
    let has_uuid_bytes = has_owner_column::expand_uuid_bytes(model, root);
    let key_enum = key_enum::expand(model, root);
    quote! {
        #has_counters
        #has_owner_column
        #has_uuid_bytes
        #key_enum
    }
}
