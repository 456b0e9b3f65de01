use proc_macro_crate::{Error, FoundCrate, crate_name};
use proc_macro2::{Ident, Span};
use syn::{Path, parse_quote};

const PACKAGE: &str = "counter-diesel";

/// Returns the path of `counter-diesel` in the package being compiled, which may have renamed it.
pub(crate) fn find() -> syn::Result<Path> {
    path(crate_name(PACKAGE))
}

fn path(found: Result<FoundCrate, Error>) -> syn::Result<Path> {
    let name = match found {
        Ok(FoundCrate::Name(name)) => Ident::new(&name, Span::call_site()),
        Err(Error::CrateNotFound { .. }) => {
            let message = format!(
                "add `{PACKAGE}` to the dependencies of this package: the derived code names it"
            );
            return Err(syn::Error::new(Span::call_site(), message));
        }
        // In counter-diesel's own tests, or without Cargo, so that nothing can be renamed.
        Ok(FoundCrate::Itself) | Err(_) => Ident::new("counter_diesel", Span::call_site()),
    };
    Ok(parse_quote!(::#name))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use quote::ToTokens;

    use super::*;

    fn text(found: Result<FoundCrate, Error>) -> Result<String, String> {
        path(found)
            .map(|path| path.to_token_stream().to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_renamed_dependency_is_named_as_the_package_names_it() {
        let renamed = FoundCrate::Name("tally".to_owned());
        assert_eq!(text(Ok(renamed)), Ok(":: tally".to_owned()));
    }

    #[test]
    fn the_crate_itself_and_a_build_without_cargo_use_the_name_of_the_library() {
        let usual = Ok(":: counter_diesel".to_owned());
        assert_eq!(text(Ok(FoundCrate::Itself)), usual);
        assert_eq!(text(Err(Error::CargoManifestDirNotSet)), usual);
    }

    #[test]
    fn a_package_without_the_dependency_is_advised_to_add_it() {
        let missing = Error::CrateNotFound { crate_name: PACKAGE.to_owned(), path: PathBuf::new() };
        let message = text(Err(missing)).unwrap_err();
        assert!(message.starts_with("add `counter-diesel` to the dependencies"), "{message}");
    }
}
