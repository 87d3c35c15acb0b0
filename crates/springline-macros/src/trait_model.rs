//! A remote trait as the macro understands it, and everything that may be wrong with one.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt as _;
use syn::{
    Attribute, Block, Error, FnArg, Ident, Item, ItemTrait, Pat, Path, Receiver, Result, ReturnType, Signature, Token,
    TraitItem, TraitItemFn, Type, Visibility,
};

use crate::attributes::{self, Errors};
use crate::naming::Convention;
use crate::types::{self, Place, Shape};

/// How many arguments a method may have: as many as there are tuples for.
const MOST_ARGUMENTS: usize = 16;

pub(crate) struct RemoteTrait {
    pub(crate) private: TokenStream,
    /// Attributes of the trait itself, without our own.
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) ident: Ident,
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) methods: Vec<Method>,
}

pub(crate) struct Method {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) cfgs: Vec<Attribute>,
    /// Kept for their places: the compiler's remarks on a method then stand at the method.
    pub(crate) fn_token: Token![fn],
    pub(crate) semi_token: Token![;],
    pub(crate) ident: Ident,
    /// On the wire.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) oneway: bool,
    pub(crate) idempotent: bool,
    pub(crate) doc: String,
    pub(crate) receiver: Receiver,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) output: Type,
    pub(crate) default: Option<Block>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Method,
    Get,
    Set,
}

pub(crate) struct Argument {
    pub(crate) ident: Ident,
    pub(crate) mutable: bool,
    pub(crate) ty: Type,
    pub(crate) shape: Shape,
}

impl Argument {
    /// The name by which keyword arguments bind.
    pub(crate) fn name(&self) -> String {
        self.ident.unraw().to_string()
    }
}

pub(crate) fn parse(options: TokenStream, item: TokenStream) -> Result<RemoteTrait> {
    let item = match syn::parse2(item)? {
        Item::Trait(item) => item,
        Item::Impl(item) => {
            return Err(Error::new_spanned(
                item.impl_token,
                "`#[remote]` stands on the trait; an `impl` of it needs no attribute",
            ));
        }
        other => return Err(Error::new_spanned(other, "`#[remote]` stands on a trait")),
    };
    let mut errors = Errors::default();
    let options = TraitOptions::read(options, &mut errors);
    check_head(&item, &mut errors);
    let mut methods = Vec::new();
    for item in &item.items {
        let what = match item {
            TraitItem::Fn(method) => {
                methods.extend(read_method(method, options.convention, &mut errors));
                continue;
            }
            TraitItem::Const(_) => "an associated constant",
            TraitItem::Type(_) => "an associated type",
            TraitItem::Macro(_) => "a macro call",
            _ => "this",
        };
        errors.at(item, format_args!("a remote trait has only methods: {what} means nothing to a peer"));
    }
    check_names(&methods, &mut errors);
    let model = RemoteTrait {
        private: attributes::private(options.krate.as_ref()),
        cfgs: attributes::cfgs(&item.attrs),
        doc: attributes::doc(&item.attrs),
        vis: item.vis,
        name: options.name.unwrap_or_else(|| item.ident.unraw().to_string()),
        ident: item.ident,
        attrs: item.attrs,
        methods,
    };
    errors.finish(model)
}

#[derive(Default)]
struct TraitOptions {
    name: Option<String>,
    convention: Option<Convention>,
    krate: Option<Path>,
}

impl TraitOptions {
    fn read(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        for item in attributes::options(tokens, errors) {
            match item.key.to_string().as_str() {
                "name" => options.name = errors.keep(item.text()).map(|t| t.value()),
                "rename_all" => {
                    let convention = item.text().and_then(|text| {
                        Convention::parse(&text.value()).map_err(|message| Error::new_spanned(&text, message))
                    });
                    options.convention = errors.keep(convention);
                }
                "crate" => options.krate = errors.keep(item.path()),
                _ => errors.push(item.unknown("a trait", &["name", "rename_all", "crate"])),
            }
        }
        options
    }
}

fn check_head(item: &ItemTrait, errors: &mut Errors) {
    for attribute in item.attrs.iter().filter(|a| attributes::is_own(a)) {
        errors.at(attribute, "a trait has one `#[remote]`: put all options into it");
    }
    if let Some(token) = &item.unsafety {
        errors.at(token, "a remote trait cannot be unsafe: nobody could promise anything for an object elsewhere");
    }
    if let Some(token) = &item.auto_token {
        errors.at(token, "a remote trait cannot be an auto trait");
    }
    if !item.generics.params.is_empty() {
        errors.at(&item.generics, "a remote trait cannot be generic: a peer knows one object, not one for each type");
    }
    if let Some(clause) = &item.generics.where_clause {
        errors.at(clause, "a remote trait cannot have a `where` clause");
    }
    for bound in &item.supertraits {
        errors.at(bound, "a remote trait cannot have supertraits: `Send`, `Sync` and `'static` are added, others a proxy could not have");
    }
}

#[derive(Default)]
struct MethodOptions {
    name: Option<String>,
    oneway: bool,
    idempotent: bool,
    kind: Option<Kind>,
}

impl MethodOptions {
    fn read(method: &TraitItemFn, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        let (mut attr, mut set) = (None, None);
        for item in attributes::own(&method.attrs, errors) {
            match item.key.to_string().as_str() {
                "name" => options.name = errors.keep(item.text()).map(|t| t.value()),
                "oneway" => options.oneway = errors.keep(item.flag()).is_some(),
                "idempotent" => options.idempotent = errors.keep(item.flag()).is_some(),
                "attr" => attr = errors.keep(item.flag()).map(|()| item.key),
                "set" => set = errors.keep(item.flag()).map(|()| item.key),
                _ => errors.push(item.unknown("a method", &["name", "idempotent", "oneway", "attr", "set"])),
            }
        }
        options.kind = match (&attr, &set) {
            (Some(_), None) => Some(Kind::Get),
            (_, Some(_)) => Some(Kind::Set),
            (None, None) => None,
        };
        if let (None, Some(set)) = (&attr, &set) {
            errors.at(set, "`set` goes with `attr`: `#[remote(attr, set)]`");
        }
        if let (Some(attr), true) = (&attr, options.oneway) {
            errors.at(attr, "an attribute cannot be oneway: it is no method");
        }
        options
    }
}

fn read_method(method: &TraitItemFn, convention: Option<Convention>, errors: &mut Errors) -> Option<Method> {
    let options = MethodOptions::read(method, errors);
    let kind = options.kind.unwrap_or(Kind::Method);
    let sig = &method.sig;
    check_signature(sig, errors);
    let receiver = read_receiver(sig, errors);
    let arguments = read_arguments(sig, method.default.is_some(), errors);
    check_kind(sig, kind, errors);
    let output = match &sig.output {
        ReturnType::Type(_, ty) => errors.keep(types::check_owned(ty, Place::Result)).map(|()| (**ty).clone()),
        ReturnType::Default => {
            errors.at(&sig.ident, "a remote method returns a `Result`: every call can fail on its way");
            None
        }
    };
    let ident = sig.ident.unraw().to_string();
    let name = options.name.unwrap_or_else(|| {
        let plain = match kind {
            Kind::Set => ident.strip_prefix("set_").unwrap_or(&ident),
            Kind::Method | Kind::Get => &ident,
        };
        convention.map_or_else(|| plain.to_owned(), |c| c.apply(plain))
    });
    Some(Method {
        attrs: method.attrs.iter().filter(|a| !attributes::is_own(a)).cloned().collect(),
        cfgs: attributes::cfgs(&method.attrs),
        fn_token: sig.fn_token,
        semi_token: method.semi_token.unwrap_or_default(),
        ident: sig.ident.clone(),
        name,
        kind,
        oneway: options.oneway,
        idempotent: options.idempotent,
        doc: attributes::doc(&method.attrs),
        receiver: receiver?,
        arguments,
        output: output?,
        default: method.default.clone(),
    })
}

fn check_signature(sig: &Signature, errors: &mut Errors) {
    if let Some(token) = &sig.constness {
        errors.at(token, "a remote method cannot be `const`: it runs elsewhere");
    }
    if let Some(token) = &sig.unsafety {
        errors.at(token, "a remote method cannot be `unsafe`: anybody may call it");
    }
    if let Some(abi) = &sig.abi {
        errors.at(abi, "a remote method cannot be `extern`: it is called by its name, not by an address");
    }
    if sig.asyncness.is_none() {
        errors.at(
            sig.fn_token,
            format_args!("a remote method is `async fn`: `{}` may have to wait for a peer", sig.ident),
        );
    }
    if !sig.generics.params.is_empty() {
        let lifetimes = sig.generics.params.iter().all(|p| matches!(p, syn::GenericParam::Lifetime(_)));
        let what = if lifetimes {
            "a remote method cannot have lifetime parameters: its arguments live as long as the call, its result is owned"
        } else {
            "a remote method cannot be generic: what is read from the wire has one type"
        };
        errors.at(&sig.generics, what);
    }
    if let Some(clause) = &sig.generics.where_clause {
        errors.at(clause, "a remote method cannot have a `where` clause");
    }
    if let Some(variadic) = &sig.variadic {
        errors.at(variadic, "a remote method has a fixed number of arguments");
    }
}

fn read_receiver(sig: &Signature, errors: &mut Errors) -> Option<Receiver> {
    let Some(receiver) = sig.receiver() else {
        errors.at(&sig.ident, "a remote method takes `&self`: it is called on an object");
        return None;
    };
    let plain = receiver.colon_token.is_none() && receiver.attrs.is_empty();
    match &receiver.reference {
        Some((_, None)) if plain && receiver.mutability.is_none() => return Some(receiver.clone()),
        Some((_, Some(lifetime))) if plain && receiver.mutability.is_none() => {
            errors.at(lifetime, "`&self` must not name its lifetime: the result is owned");
        }
        Some(_) if plain => {
            errors.at(
                receiver,
                "a remote method takes `&self`, not `&mut self`: many may call at once; keep what changes in a `Mutex`",
            );
        }
        _ => errors.at(receiver, "a remote method takes `&self`: the object stays where it is"),
    }
    None
}

fn read_arguments(sig: &Signature, has_body: bool, errors: &mut Errors) -> Vec<Argument> {
    let mut arguments = Vec::new();
    for input in &sig.inputs {
        let FnArg::Typed(input) = input else { continue };
        if let Some(attribute) = input.attrs.first() {
            errors.at(attribute, "an argument of a remote method cannot have attributes");
        }
        let ident = match &*input.pat {
            Pat::Ident(pat)
                if pat.by_ref.is_none() && pat.subpat.is_none() && (pat.mutability.is_none() || has_body) =>
            {
                Some((&pat.ident, pat.mutability.is_some()))
            }
            other => {
                errors.at(other, "an argument of a remote method is a plain name: peers may pass it by that name");
                None
            }
        };
        let shape = errors.keep(Shape::of(&input.ty));
        if let (Some((ident, mutable)), Some(shape)) = (ident, shape) {
            arguments.push(Argument { ident: ident.clone(), mutable, ty: (*input.ty).clone(), shape });
        }
    }
    if let Some(first) = arguments.get(MOST_ARGUMENTS) {
        errors.at(
            &first.ident,
            format_args!("a remote method has at most {MOST_ARGUMENTS} arguments: put some of them into a struct"),
        );
    }
    arguments
}

fn check_kind(sig: &Signature, kind: Kind, errors: &mut Errors) {
    // Counted as they stand, so that one bad argument does not bring a second error.
    let written = sig.inputs.iter().filter(|i| matches!(i, FnArg::Typed(_))).count();
    match kind {
        Kind::Get if written > 0 => {
            let inputs = sig.inputs.iter().filter(|i| matches!(i, FnArg::Typed(_)));
            let inputs = quote!(#(#inputs),*);
            errors.at(inputs, "an attribute is read without arguments; for setting it there is `#[remote(attr, set)]`");
        }
        Kind::Set if written != 1 => {
            errors.at(&sig.ident, format_args!("an attribute is set to one argument, here are {written}"));
        }
        _ => {}
    }
}

/// Two methods of one name on the wire could not be told apart; neither could an attribute and a method in Python.
fn check_names(methods: &[Method], errors: &mut Errors) {
    for (i, method) in methods.iter().enumerate() {
        let clash = methods.iter().take(i).find(|before| {
            let pair = matches!((before.kind, method.kind), (Kind::Get, Kind::Set) | (Kind::Set, Kind::Get));
            // Of two with conditions there may be only one at a time; the compiler sees.
            before.name == method.name && !pair && (before.cfgs.is_empty() || method.cfgs.is_empty())
        });
        if let Some(before) = clash {
            errors.at(
                &method.ident,
                format_args!(
                    "`{}` has the name \"{}\" on the wire, and so has `{}`",
                    method.ident, method.name, before.ident
                ),
            );
        }
    }
}
