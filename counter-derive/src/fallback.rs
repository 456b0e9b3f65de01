use proc_macro2::TokenStream;
use quote::quote;
use syn::Path;

use crate::mistakes::Mistakes;
use crate::valid::Model;
use crate::{expand, key_enum};

/// The mistakes, and beside them the trait and the enum as far as they can be made.
///
/// Without those, each use of the model would be an error of its own, and the mistakes hard to find
/// among them. What they do does not matter: the program does not compile.
pub(crate) fn expand(model: &Model<'_>, mistakes: Mistakes, root: &Path) -> TokenStream {
    let mistakes = mistakes.into_compile_errors();
    let owner_id = quote!(#root::ToOwnerId::to_owner_id(&0_i64));
    let has_counters = expand::has_counters(model, "model", &owner_id, root);
    let owner_column = expand::owner_column(model, root);
    let key_enum = key_enum::expand(model, root);
    quote! {
        #mistakes
        #has_counters
        #owner_column
        #key_enum
    }
}
