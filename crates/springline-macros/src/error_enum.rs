//! `derive(RemoteError)`.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Attribute, Data, DeriveInput, Error, Field, Fields, Ident, Path, Result, Type, Variant};

use crate::attributes::{self, Errors, bound, place};

struct ErrorEnum {
    private: TokenStream,
    ident: Ident,
    variants: Vec<Model>,
    carrier: CatchAll,
    other: Option<CatchAll>,
}

/// A variant that stands for a class of exceptions.
struct Model {
    cfgs: Vec<Attribute>,
    ident: Ident,
    class: String,
    code: Option<i64>,
    fields: ModelFields,
}

enum ModelFields {
    Unit,
    Tuple(Vec<Type>),
    Struct(Vec<NamedField>),
}

struct NamedField {
    ident: Ident,
    /// The attribute's.
    name: String,
    ty: Type,
}

/// A variant for what has none.
struct CatchAll {
    cfgs: Vec<Attribute>,
    ident: Ident,
    ty: Type,
}

impl CatchAll {
    /// The variant with `value`, at the place of its type: there the compiler tells that it is another one.
    fn holding(&self, value: &str) -> TokenStream {
        let (ident, at) = (&self.ident, place(self.ty.span()));
        let value = Ident::new(value, at);
        quote_spanned!(at=> Self::#ident(#value))
    }
}

pub(crate) fn derive(item: TokenStream) -> Result<TokenStream> {
    let input: DeriveInput = syn::parse2(item)?;
    read(&input).map(|model| expand(&model))
}

fn read(input: &DeriveInput) -> Result<ErrorEnum> {
    let data = match &input.data {
        Data::Enum(data) => data,
        Data::Struct(data) => return Err(not_an_enum(data.struct_token)),
        Data::Union(data) => return Err(not_an_enum(data.union_token)),
    };
    let mut errors = Errors::default();
    if !input.generics.params.is_empty() {
        errors.at(
            &input.generics,
            "`RemoteError` cannot be derived for a generic enum: an exception's class has no type parameters",
        );
    }
    if let Some(clause) = &input.generics.where_clause {
        errors.at(clause, "`RemoteError` cannot be derived for an enum with a `where` clause");
    }
    let krate = read_crate(&input.attrs, &mut errors);
    let mut variants: Vec<Model> = Vec::new();
    let (mut carrier, mut other): (Option<CatchAll>, Option<CatchAll>) = (None, None);
    for variant in &data.variants {
        let ident = &variant.ident;
        match read_variant(variant, &mut errors) {
            Some(Role::Class(model)) => {
                check_class(&variants, &model, &mut errors);
                variants.push(model);
            }
            Some(Role::Carrier(_)) if carrier.is_some() => errors.at(ident, "only one variant can be the carrier"),
            Some(Role::Carrier(found)) => carrier = Some(found),
            Some(Role::Other(_)) if other.is_some() => {
                errors.at(ident, "only one variant can take all other exceptions");
            }
            Some(Role::Other(found)) => other = Some(found),
            None => {}
        }
    }
    if carrier.is_none() && !data.variants.iter().any(names_transport) {
        errors.at(
            &input.ident,
            "one variant must carry what is no exception of the others: `#[remote(transport)] Rpc(springline::Error)`",
        );
    }
    let private = attributes::private(krate.as_ref());
    // Without a carrier there is an error already.
    match carrier {
        Some(carrier) => errors.finish(ErrorEnum { private, ident: input.ident.clone(), variants, carrier, other }),
        None => errors.finish(()).and(Err(Error::new_spanned(&input.ident, "no carrier"))),
    }
}

fn not_an_enum(token: impl quote::ToTokens) -> Error {
    Error::new_spanned(token, "`RemoteError` can be derived for enums only: each variant is a class of exceptions")
}

/// Whether a variant was meant as the carrier, however wrong it is.
fn names_transport(variant: &Variant) -> bool {
    let items = attributes::own(&variant.attrs, &mut Errors::default());
    items.iter().any(|i| i.key == "transport")
}

fn read_crate(attrs: &[Attribute], errors: &mut Errors) -> Option<Path> {
    let mut krate = None;
    for item in attributes::own(attrs, errors) {
        match item.key.to_string().as_str() {
            "crate" => krate = errors.keep(item.path()),
            _ => errors.push(item.unknown("an enum", &["crate"])),
        }
    }
    krate
}

enum Role {
    Class(Model),
    Carrier(CatchAll),
    Other(CatchAll),
}

fn read_variant(variant: &Variant, errors: &mut Errors) -> Option<Role> {
    let (mut class, mut code, mut transport, mut other) = (None, None, None, None);
    for item in attributes::own(&variant.attrs, errors) {
        match item.key.to_string().as_str() {
            "class" => class = errors.keep(item.text()),
            "code" => code = errors.keep(item.integer()).map(|code| (item.key, code)),
            "transport" => transport = errors.keep(item.flag()).map(|()| item.key),
            "other" => other = errors.keep(item.flag()).map(|()| item.key),
            _ => errors.push(item.unknown("a variant", &["class", "code", "transport", "other"])),
        }
    }
    if let (Some(_), Some(other)) = (&transport, &other) {
        errors.at(other, "`transport` takes what `other` does too: they are two variants or one");
        return None;
    }
    let catch_all = transport.as_ref().or(other.as_ref());
    if let Some(key) = catch_all {
        let surplus =
            class.as_ref().map(|c| c.to_token_stream()).or_else(|| code.as_ref().map(|(k, _)| k.to_token_stream()));
        if let Some(surplus) = surplus {
            errors.at(
                surplus,
                format_args!("the `{key}` variant has no class and no code: it takes those of no variant"),
            );
        }
        let holds = if transport.is_some() { "springline::Error" } else { "springline::Exception" };
        let ty = match &variant.fields {
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => fields.unnamed.first().map(|f| f.ty.clone()),
            _ => None,
        };
        let Some(ty) = ty else {
            let text = format!("the `{key}` variant holds one field: `{}({holds})`", variant.ident);
            errors.at(variant_body(variant), text);
            return None;
        };
        refuse_options(variant.fields.iter(), errors);
        let found = CatchAll { cfgs: attributes::cfgs(&variant.attrs), ident: variant.ident.clone(), ty };
        return Some(if transport.is_some() { Role::Carrier(found) } else { Role::Other(found) });
    }
    let fields = match &variant.fields {
        Fields::Unit => ModelFields::Unit,
        Fields::Unnamed(fields) => {
            refuse_options(fields.unnamed.iter(), errors);
            ModelFields::Tuple(fields.unnamed.iter().map(|f| f.ty.clone()).collect())
        }
        Fields::Named(fields) => {
            ModelFields::Struct(fields.named.iter().filter_map(|f| read_field(f, errors)).collect())
        }
    };
    Some(Role::Class(Model {
        cfgs: attributes::cfgs(&variant.attrs),
        ident: variant.ident.clone(),
        class: class.map_or_else(|| variant.ident.unraw().to_string(), |c| c.value()),
        code: code.map(|(_, code)| code),
        fields,
    }))
}

/// The fields of a variant, or its name where it has none.
fn variant_body(variant: &Variant) -> TokenStream {
    match &variant.fields {
        Fields::Unit => variant.ident.to_token_stream(),
        fields => fields.to_token_stream(),
    }
}

fn refuse_options<'a>(fields: impl Iterator<Item = &'a Field>, errors: &mut Errors) {
    for attribute in fields.flat_map(|f| &f.attrs).filter(|a| attributes::is_own(a)) {
        errors.at(
            attribute,
            "only fields with a name have options: those of a tuple are the exception's arguments, in order",
        );
    }
}

fn read_field(field: &Field, errors: &mut Errors) -> Option<NamedField> {
    let ident = field.ident.clone()?;
    let mut name = ident.unraw().to_string();
    for item in attributes::own(&field.attrs, errors) {
        match item.key.to_string().as_str() {
            "name" => name = errors.keep(item.text()).map_or_else(String::new, |t| t.value()),
            _ => errors.push(item.unknown("a field", &["name"])),
        }
    }
    Some(NamedField { ident, name, ty: field.ty.clone() })
}

fn check_class(before: &[Model], model: &Model, errors: &mut Errors) {
    // Of two with conditions there may be only one at a time.
    let mut same = before.iter().filter(|b| b.cfgs.is_empty() || model.cfgs.is_empty());
    if let Some(first) = same.clone().find(|b| b.class == model.class) {
        errors.at(&model.ident, format_args!("the class \"{}\" is that of `{}` already", model.class, first.ident));
    }
    if let Some(code) = model.code
        && let Some(first) = same.find(|b| b.code == Some(code))
    {
        errors.at(&model.ident, format_args!("the code {code} is that of `{}` already", first.ident));
    }
}

fn expand(model: &ErrorEnum) -> TokenStream {
    let ErrorEnum { private, ident, carrier, .. } = model;
    let table = model.variants.iter().enumerate().map(|(id, v)| {
        let Model { cfgs, class, .. } = v;
        let (id, code) = (id_of(id), code(v));
        quote!(#(#cfgs)* #private::VariantInfo { id: #id, class: #class, code: #code })
    });
    let from = model.variants.iter().enumerate().map(|(id, v)| {
        let (cfgs, id, read) = (&v.cfgs, id_of(id), read_fields(v, private));
        quote! {
            #(#cfgs)*
            ::core::option::Option::Some(#id) => #read,
        }
    });
    let (carrier_error, carrier_ident) = (carrier.holding("__error"), &carrier.ident);
    let other_from = model.other.as_ref().map(|other| {
        let (cfgs, held) = (&other.cfgs, other.holding("__exception"));
        quote! {
            #(#cfgs)*
            ::core::option::Option::None => {
                return match __error.into_exception() {
                    ::core::result::Result::Ok(__exception) => #held,
                    ::core::result::Result::Err(__error) => #carrier_error,
                };
            }
        }
    });
    let other_into = model.other.as_ref().map(|other| {
        let (cfgs, ident, exception) = (&other.cfgs, &other.ident, Ident::new("__exception", place(other.ty.span())));
        quote! {
            #(#cfgs)*
            Self::#ident(#exception) => #private::Error::remote(#exception),
        }
    });
    let bounds = bounds(model);
    let carried = Ident::new("__error", place(carrier.ty.span()));
    let into = model.variants.iter().map(|v| write_fields(v, private));
    quote! {
        #[automatically_derived]
        #[allow(deprecated, unreachable_code)]
        impl #private::RemoteError for #ident #bounds {
            fn from_error(__error: #private::Error) -> Self {
                const __VARIANTS: &[#private::VariantInfo] = &[#(#table),*];
                let ::core::option::Option::Some(__exception) = __error.exception() else {
                    return #carrier_error;
                };
                let __read: #private::Result<Self> = match #private::variant_of(__VARIANTS, __exception) {
                    #(#from)*
                    #other_from
                    #[allow(unreachable_patterns)]
                    _ => return #carrier_error,
                };
                match __read {
                    ::core::result::Result::Ok(__variant) => __variant,
                    ::core::result::Result::Err(__why) => {
                        let __error = #private::misfit(__error, __why);
                        #carrier_error
                    }
                }
            }

            fn into_error(self) -> #private::Error {
                match self {
                    Self::#carrier_ident(#carried) => #carried,
                    #other_into
                    #(#into)*
                }
            }
        }
    }
}

/// What must hold for the enum and the types of its fields. Where something does not, the compiler tells so once, at
/// its place, and takes it for granted in the code below.
fn bounds(model: &ErrorEnum) -> TokenStream {
    let ErrorEnum { private, ident, .. } = model;
    let display = bound(ident, private, "Display");
    // There are no conditions in `where` clauses: what depends on one is checked by its use.
    let fields = model.variants.iter().filter(|v| v.cfgs.is_empty()).flat_map(|v| match &v.fields {
        ModelFields::Unit => Vec::new(),
        ModelFields::Tuple(types) => types.iter().collect(),
        ModelFields::Struct(fields) => fields.iter().map(|f| &f.ty).collect(),
    });
    let fields = fields.map(|ty| bound(ty, private, "Argument"));
    quote!(where #display #(#fields)*)
}

// The ids are written as u32; an enum has no more variants than that.
fn id_of(index: usize) -> proc_macro2::Literal {
    proc_macro2::Literal::u32_suffixed(u32::try_from(index).unwrap_or(u32::MAX))
}

fn code(v: &Model) -> TokenStream {
    match v.code {
        Some(code) => quote!(::core::option::Option::Some(#code)),
        None => quote!(::core::option::Option::None),
    }
}

/// A `Result` with the variant, from `__exception`.
fn read_fields(v: &Model, private: &TokenStream) -> TokenStream {
    let variant = &v.ident;
    let ok = quote!(::core::result::Result::Ok);
    match &v.fields {
        ModelFields::Unit => quote!(#ok(Self::#variant)),
        ModelFields::Tuple(types) => match types.as_slice() {
            [] => quote!(#ok(Self::#variant())),
            [ty] => {
                quote!(#private::only_argument::<#ty>(__exception).map(Self::#variant))
            }
            types => {
                let fields = types.iter().enumerate();
                let fields = fields.map(|(i, ty)| quote!(#private::argument::<#ty>(__exception, #i)?));
                quote!((|| #ok(Self::#variant(#(#fields),*)))())
            }
        },
        ModelFields::Struct(fields) => {
            let fields = fields
                .iter()
                .map(|NamedField { ident, name, ty }| quote!(#ident: #private::attribute::<#ty>(__exception, #name)?));
            quote!((|| #ok(Self::#variant { #(#fields),* }))())
        }
    }
}

/// The match arm that makes an exception of the variant.
fn write_fields(v: &Model, private: &TokenStream) -> TokenStream {
    let Model { cfgs, ident: variant, class, .. } = v;
    let code = code(v);
    let raise = quote!(#private::Raise::new(#class, #code, &self));
    let bind = |n: usize| (0..n).map(|i| format_ident!("__field_{i}")).collect::<Vec<Ident>>();
    let (pattern, chain) = match &v.fields {
        ModelFields::Unit => (quote!(), quote!()),
        ModelFields::Tuple(types) if types.is_empty() => (quote!(()), quote!()),
        ModelFields::Tuple(types) => {
            let bound = bind(types.len());
            (quote!((#(ref #bound),*)), quote!(.with_arguments()#(.argument(#bound))*))
        }
        ModelFields::Struct(fields) => {
            let bound = bind(fields.len());
            let idents = fields.iter().map(|f| &f.ident);
            let names = fields.iter().map(|f| &f.name);
            (quote!({ #(#idents: ref #bound),* }), quote!(#(.attribute(#names, #bound))*))
        }
    };
    quote! {
        #(#cfgs)*
        Self::#variant #pattern => #raise #chain.done(),
    }
}
