use proc_macro2::TokenStream;
use quote::quote;
use syn::Path;

use super::{has_counters, has_owner_column, key_enum};
use crate::mistakes::Mistakes;
use crate::valid::Model;

/// Returns the mistakes as errors, with stubs of the trait and of the enum.
///
/// Without the stubs, each use of the model would be an error of its own, and the mistakes would be
/// hard to find among them. Their bodies do not matter, because the program does not compile.
pub(crate) fn fallback(model: &Model<'_>, mistakes: Mistakes, root: &Path) -> TokenStream {
    let mistakes = mistakes.into_compile_errors();
    let owner_id = quote!(#root::ToOwnerId::to_owner_id(&0_i64));
    let has_counters = has_counters::expand(model, "model", &owner_id, root);
    let has_owner_column = has_owner_column::expand(model, root);
    let has_uuid_bytes = has_owner_column::expand_uuid_bytes(model, root);
    let key_enum = key_enum::expand(model, root);
    quote! {
        #mistakes
        #has_counters
        #has_owner_column
        #has_uuid_bytes
        #key_enum
    }
}
