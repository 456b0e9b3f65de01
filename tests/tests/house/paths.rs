//! What each file of a crate names of the crate's other files.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};

use crate::source::Modules;

/// Which files each file names.
pub(crate) type Graph = BTreeMap<Vec<String>, BTreeSet<Vec<String>>>;

/// Returns which files of a crate each of its files names: by `use`, by paths in code, and by
/// calling methods that another file adds to a type. What only unit tests name is left out.
pub(crate) fn graph_of(modules: &Modules) -> Graph {
    let methods = added_methods(modules);
    let named_by = |(module, file): (&Vec<String>, &syn::File)| {
        let mut names = Names::new(modules, module.clone());
        names.visit_file(file);
        let Names { mut named, words, calls, .. } = names;
        let is_called =
            |method: &&Added| calls.contains(&method.name) && words.contains(&method.of);
        named.extend(methods.iter().filter(is_called).map(|method| method.by.clone()));
        named.remove(module);
        (module.clone(), named)
    };
    modules.iter().map(named_by).collect()
}

struct Names<'a> {
    modules: &'a Modules,
    /// The module that is visited, which may be inside of a file.
    here: Vec<String>,
    named: BTreeSet<Vec<String>>,
    /// All words of paths, and the names of types that are defined.
    words: BTreeSet<String>,
    /// The names of methods that are called.
    calls: BTreeSet<String>,
}

impl<'a> Names<'a> {
    fn new(modules: &'a Modules, here: Vec<String>) -> Self {
        let (named, words, calls) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        Self { modules, here, named, words, calls }
    }

    fn note(&mut self, segments: &[String]) {
        let Some(first) = segments.first() else { return };
        let (mut at, rest) = match first.as_str() {
            "crate" => (Vec::new(), &segments[1..]),
            "self" => (self.here.clone(), &segments[1..]),
            "super" => {
                let ups = segments.iter().take_while(|segment| *segment == "super").count();
                let depth = self.here.len().saturating_sub(ups);
                (self.here[..depth].to_vec(), &segments[ups..])
            }
            // A module that is declared here.
            name if self.modules.contains_key(&child(&self.here, name)) => {
                (self.here.clone(), segments)
            }
            _ => return,
        };
        for segment in rest {
            let next = child(&at, segment);
            if !self.modules.contains_key(&next) {
                break;
            }
            at = next;
        }
        // Inside of a file there may be modules that are no files.
        while !self.modules.contains_key(&at) {
            at.pop();
        }
        self.named.insert(at);
    }

    fn note_tree(&mut self, prefix: &[String], tree: &syn::UseTree) {
        let with = |name: &syn::Ident| [prefix, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.note_tree(&with(&path.ident), &path.tree),
            syn::UseTree::Name(name) if name.ident == "self" => self.note(prefix),
            syn::UseTree::Name(name) => self.note(&with(&name.ident)),
            syn::UseTree::Rename(rename) => self.note(&with(&rename.ident)),
            syn::UseTree::Glob(_) => self.note(prefix),
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.note_tree(prefix, tree));
            }
        }
    }
}

impl<'a> Visit<'a> for Names<'_> {
    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        self.note_tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let segments = path.segments.iter().map(|segment| segment.ident.to_string());
        let segments = segments.collect::<Vec<_>>();
        self.words.extend(segments.iter().cloned());
        if segments.len() > 1 && path.leading_colon.is_none() {
            self.note(&segments);
        }
        visit::visit_path(self, path);
    }

    fn visit_expr_method_call(&mut self, call: &'a syn::ExprMethodCall) {
        self.calls.insert(call.method.to_string());
        visit::visit_expr_method_call(self, call);
    }

    fn visit_item_struct(&mut self, item: &'a syn::ItemStruct) {
        self.words.insert(item.ident.to_string());
        visit::visit_item_struct(self, item);
    }

    fn visit_item_mod(&mut self, item: &'a syn::ItemMod) {
        if item.content.is_some() && !is_for_tests(&item.attrs) {
            self.here.push(item.ident.to_string());
            visit::visit_item_mod(self, item);
            self.here.pop();
        }
    }

    /// A macro of the crate is at its root, wherever it is defined.
    fn visit_macro(&mut self, _: &'a syn::Macro) {}
}

fn child(module: &[String], name: &str) -> Vec<String> {
    [module, &[name.to_owned()]].concat()
}

fn is_for_tests(attrs: &[syn::Attribute]) -> bool {
    let is_test = |attr: &syn::Attribute| {
        attr.path().is_ident("cfg")
            && attr.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    };
    attrs.iter().any(is_test)
}

/// Returns the methods that a file adds to a type that another file defines, by name, each with the
/// file that adds it: who calls one depends on that file, though no import shows it. Names that
/// other files use too are left out.
fn added_methods(modules: &Modules) -> Vec<Added> {
    let mut types = BTreeMap::<String, Vec<String>>::new();
    let mut files_of_method = BTreeMap::<String, BTreeSet<Vec<String>>>::new();
    let mut added = Vec::new();
    for (module, file) in modules {
        let mut definitions = Definitions::default();
        definitions.visit_file(file);
        types.extend(definitions.types.into_iter().map(|name| (name, module.clone())));
        for (ty, method, is_inherent) in definitions.methods {
            files_of_method.entry(method.clone()).or_default().insert(module.clone());
            if is_inherent {
                added.push((ty, method, module.clone()));
            }
        }
    }
    let is_elsewhere =
        |ty: &String, module: &Vec<String>| types.get(ty).is_some_and(|file| file != module);
    added
        .into_iter()
        .filter(|(ty, method, module)| {
            is_elsewhere(ty, module) && files_of_method[method].len() == 1
        })
        .map(|(of, name, by)| Added { of, name, by })
        .collect()
}

/// A method that a file adds to a type of another.
struct Added {
    of: String,
    name: String,
    by: Vec<String>,
}

#[derive(Default)]
struct Definitions {
    types: BTreeSet<String>,
    /// The type, the method, and whether it is inherent.
    methods: Vec<(String, String, bool)>,
}

impl<'a> Visit<'a> for Definitions {
    fn visit_item_struct(&mut self, item: &'a syn::ItemStruct) {
        self.types.insert(item.ident.to_string());
    }

    fn visit_item_enum(&mut self, item: &'a syn::ItemEnum) {
        self.types.insert(item.ident.to_string());
    }

    fn visit_item_impl(&mut self, item: &'a syn::ItemImpl) {
        let syn::Type::Path(ty) = &*item.self_ty else { return };
        let ty = ty.path.segments.last().unwrap().ident.to_string();
        for item_of in &item.items {
            if let syn::ImplItem::Fn(method) = item_of {
                self.methods.push((
                    ty.clone(),
                    method.sig.ident.to_string(),
                    item.trait_.is_none(),
                ));
            }
        }
    }

    fn visit_item_trait(&mut self, item: &'a syn::ItemTrait) {
        for item_of in &item.items {
            if let syn::TraitItem::Fn(method) = item_of {
                self.methods.push((item.ident.to_string(), method.sig.ident.to_string(), false));
            }
        }
    }
}
