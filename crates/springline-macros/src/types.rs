//! The types of arguments: what a proxy writes, what a server reads, and how the latter becomes the former.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Error, GenericArgument, Lifetime, PathArguments, Result, Type, TypeReference, parse_quote};

/// How an argument crosses the wire.
pub(crate) enum Shape {
    /// An owned value.
    Owned,
    /// `&str`, `&[u8]`, `&T`.
    Borrowed(Borrowed),
    /// `Option` of these.
    OptionOf(Borrowed),
}

/// What stands behind a reference.
pub(crate) enum Borrowed {
    Str,
    Bytes,
    /// A slice, read as a vector of this type.
    Slice(Box<Type>),
    /// Read as this owned type.
    Sized(Box<Type>),
}

/// Where a type stands, for the error messages.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    Argument,
    Result,
}

impl Place {
    fn text(self) -> &'static str {
        match self {
            Self::Argument => "an argument",
            Self::Result => "a result",
        }
    }
}

impl Shape {
    /// The shape of an argument's type, or what is wrong with it.
    pub(crate) fn of(ty: &Type) -> Result<Self> {
        let shape = match plain(ty) {
            Type::Reference(reference) => Self::Borrowed(borrowed(reference)?),
            other => match option_of(other) {
                Some(inner) => match plain(inner) {
                    Type::Reference(reference) => Self::OptionOf(borrowed(reference)?),
                    _ => Self::Owned,
                },
                None => Self::Owned,
            },
        };
        if let Some(owned) = shape.owned(ty) {
            check_owned(owned, Place::Argument)?;
        }
        Ok(shape)
    }

    /// The type of the user that is read: of a slice its items'. Text and bytes have none.
    pub(crate) fn owned<'a>(&'a self, ty: &'a Type) -> Option<&'a Type> {
        match self {
            Self::Owned => Some(ty),
            Self::Borrowed(inner) | Self::OptionOf(inner) => match inner {
                Borrowed::Slice(inner) | Borrowed::Sized(inner) => Some(inner),
                Borrowed::Str | Borrowed::Bytes => None,
            },
        }
    }

    /// Whether callers may leave the argument out.
    pub(crate) fn is_optional(&self, ty: &Type) -> bool {
        match self {
            Self::Owned => option_of(plain(ty)).is_some(),
            Self::OptionOf(_) => true,
            Self::Borrowed(Borrowed::Sized(inner)) => option_of(plain(inner)).is_some(),
            Self::Borrowed(_) => false,
        }
    }

    /// The type as which the server reads the argument.
    pub(crate) fn read_as(&self, ty: &Type, private: &TokenStream) -> TokenStream {
        let at = ty.span();
        match self {
            Self::Owned => ty.to_token_stream(),
            Self::Borrowed(inner) => inner.read_as(private),
            Self::OptionOf(inner) => {
                let inner = inner.read_as(private);
                quote_spanned!(at=> ::core::option::Option<#inner>)
            }
        }
    }

    /// The handler's argument from the variable that the server read.
    pub(crate) fn hand_on(&self, variable: &TokenStream) -> TokenStream {
        match self {
            Self::Owned => quote!(#variable),
            Self::Borrowed(_) => quote!(&#variable),
            Self::OptionOf(Borrowed::Sized(_)) => quote!(#variable.as_ref()),
            Self::OptionOf(_) => quote!(#variable.as_deref()),
        }
    }

    /// What the proxy writes for the variable.
    pub(crate) fn written(&self, variable: &TokenStream, private: &TokenStream) -> TokenStream {
        match self {
            Self::Borrowed(Borrowed::Bytes) => quote!(#private::BytesArg::from(#variable)),
            Self::OptionOf(Borrowed::Bytes) => quote!(#variable.map(#private::BytesArg::from)),
            _ => quote!(#variable),
        }
    }
}

impl Borrowed {
    fn read_as(&self, private: &TokenStream) -> TokenStream {
        match self {
            Self::Str => quote!(#private::StrArg<'_>),
            Self::Bytes => quote!(#private::BytesArg<'_>),
            Self::Slice(item) => {
                let at = item.span();
                quote_spanned!(at=> ::std::vec::Vec<#item>)
            }
            Self::Sized(inner) => inner.to_token_stream(),
        }
    }
}

// Types that came through a macro_rules fragment are wrapped in invisible brackets.
fn plain(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => plain(&group.elem),
        Type::Paren(paren) => plain(&paren.elem),
        other => other,
    }
}

fn is_ident(ty: &Type, name: &str) -> bool {
    matches!(plain(ty), Type::Path(path) if path.qself.is_none() && path.path.is_ident(name))
}

/// The `T` of an `Option<T>`, however that is written.
fn option_of(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|s| s.ident == "Option")?;
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) if arguments.args.len() == 1 => match arguments.args.first() {
            Some(GenericArgument::Type(inner)) => Some(inner),
            _ => None,
        },
        _ => None,
    }
}

fn borrowed(reference: &TypeReference) -> Result<Borrowed> {
    if let Some(mutable) = &reference.mutability {
        return Err(Error::new_spanned(
            mutable,
            "an argument cannot be `&mut`: what a peer changes does not come back",
        ));
    }
    if let Some(lifetime) = &reference.lifetime {
        return Err(Error::new_spanned(
            lifetime,
            "a reference must not name its lifetime: the argument lives as long as the call",
        ));
    }
    Ok(match plain(&reference.elem) {
        inner if is_ident(inner, "str") => Borrowed::Str,
        Type::Slice(slice) if is_ident(&slice.elem, "u8") => Borrowed::Bytes,
        Type::Slice(slice) => Borrowed::Slice(slice.elem.clone()),
        inner => Borrowed::Sized(Box::new(inner.clone())),
    })
}

/// Refuses what cannot cross the wire as an owned value: references, lifetimes, `impl`, `dyn`, `Self`.
pub(crate) fn check_owned(ty: &Type, place: Place) -> Result<()> {
    let Some((at, what)) = forbidden(ty.to_token_stream()) else { return Ok(()) };
    let place_text = place.text();
    let message = match (what, place) {
        (Forbidden::Reference, Place::Argument) => "a reference cannot be inside of an argument's type: \
            pass `&T`, `&[T]`, `Option<&T>` or an owned type"
            .to_owned(),
        (Forbidden::Reference, Place::Result) => "a result must be owned: it comes from another process".to_owned(),
        (Forbidden::Lifetime, _) => format!("the type of {place_text} cannot have a lifetime: use an owned type"),
        (Forbidden::Word("Self"), _) => {
            format!("`Self` cannot be the type of {place_text}: it is another one for a proxy than for the object")
        }
        (Forbidden::Word(word), _) => {
            format!(
                "`{word} Trait` cannot be the type of {place_text}: a value is read from the wire as a type that is known"
            )
        }
    };
    Err(Error::new_spanned(at, message))
}

enum Forbidden {
    Reference,
    Lifetime,
    Word(&'static str),
}

// The first token that has no place in an owned type.
fn forbidden(tokens: TokenStream) -> Option<(TokenTree, Forbidden)> {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match &token {
            TokenTree::Group(group) => {
                if let Some(found) = forbidden(group.stream()) {
                    return Some(found);
                }
            }
            TokenTree::Punct(p) if p.as_char() == '&' => return Some((token, Forbidden::Reference)),
            TokenTree::Punct(p) if p.as_char() == '\'' && p.spacing() == Spacing::Joint => {
                // The error stands at the lifetime's name: the quote alone is a strange thing to underline.
                let name = tokens.next().unwrap_or(token);
                return Some((name, Forbidden::Lifetime));
            }
            TokenTree::Ident(ident) => {
                if let Some(word) = ["impl", "dyn", "Self"].into_iter().find(|w| ident == w) {
                    return Some((token, Forbidden::Word(word)));
                }
            }
            _ => {}
        }
    }
    None
}

/// The same type with `lifetime` at the reference that it is or has as an `Option`.
pub(crate) fn with_lifetime(ty: &Type, shape: &Shape, lifetime: &Lifetime) -> Type {
    let inner: &Type = match shape {
        Shape::Owned => return ty.clone(),
        Shape::Borrowed(_) => plain(ty),
        Shape::OptionOf(_) => option_of(plain(ty)).map_or(ty, plain),
    };
    let Type::Reference(reference) = inner else { return ty.clone() };
    let elem = &reference.elem;
    match shape {
        Shape::OptionOf(_) => parse_quote!(::core::option::Option<&#lifetime #elem>),
        _ => parse_quote!(&#lifetime #elem),
    }
}

/// A type as a person would write it.
pub(crate) fn text(ty: &Type) -> String {
    let mut out = String::new();
    write(ty.to_token_stream(), &mut out);
    out
}

fn write(tokens: TokenStream, out: &mut String) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::None => ("", ""),
                };
                out.push_str(open);
                write(group.stream(), out);
                out.push_str(close);
            }
            TokenTree::Punct(p) => match p.as_char() {
                c @ (',' | ';') => {
                    out.push(c);
                    out.push(' ');
                }
                c => out.push(c),
            },
            word => {
                // Two words would run together: `dyn Any`.
                if out.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                    out.push(' ');
                }
                out.push_str(&word.to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(ty: &str) -> String {
        let ty: Type = syn::parse_str(ty).unwrap();
        let tokens = Shape::of(&ty).map(|s| s.read_as(&ty, &quote!(p)).to_string());
        tokens.map_or_else(|e| e.to_string(), |t| t.replace(' ', ""))
    }

    #[test]
    fn arguments_are_read_as_owned_or_borrowed_from_the_call() {
        for (ty, expected) in [
            ("i64", "i64"),
            ("Vec<u8>", "Vec<u8>"),
            ("&str", "p::StrArg<'_>"),
            ("(&str)", "p::StrArg<'_>"),
            ("&[u8]", "p::BytesArg<'_>"),
            ("&String", "String"),
            ("&[Order]", "::std::vec::Vec<Order>"),
            ("Option<&str>", "::core::option::Option<p::StrArg<'_>>"),
            ("std::option::Option<&[u8]>", "::core::option::Option<p::BytesArg<'_>>"),
            ("Option<&[i64]>", "::core::option::Option<::std::vec::Vec<i64>>"),
            ("Option<&Vec<i64>>", "::core::option::Option<Vec<i64>>"),
            ("Option<String>", "Option<String>"),
            ("&Option<String>", "Option<String>"),
        ] {
            assert_eq!(read_as(ty), expected, "{ty}");
        }
        for (ty, why) in [
            ("&mut i64", "cannot be `&mut`"),
            ("&'static str", "must not name its lifetime"),
            ("&[&str]", "cannot be inside"),
            ("Vec<&str>", "cannot be inside"),
            ("Cow<'_, str>", "cannot have a lifetime"),
            ("impl Into<String>", "`impl Trait`"),
            ("Box<dyn Any>", "`dyn Trait`"),
            ("Self", "`Self`"),
        ] {
            let found = read_as(ty);
            assert!(found.contains(why), "{ty}: {found}");
        }
    }

    #[test]
    fn types_as_text() {
        for ty in
            ["&str", "Option<Vec<(i64, String)>>", "[u8; 4]", "std::sync::Arc<str>", "&[u8]", "HashMap<String, i64>"]
        {
            assert_eq!(text(&syn::parse_str(ty).unwrap()), ty);
        }
    }

    #[test]
    fn lifetimes_are_put_at_the_reference() {
        let lifetime: Lifetime = parse_quote!('a);
        for (ty, expected) in [
            ("&str", "& 'a str"),
            ("Option<&[u8]>", ":: core :: option :: Option < & 'a [u8] >"),
            ("Option<String>", "Option < String >"),
        ] {
            let ty: Type = syn::parse_str(ty).unwrap();
            let shape = Shape::of(&ty).unwrap();
            assert_eq!(with_lifetime(&ty, &shape, &lifetime).to_token_stream().to_string(), expected);
        }
    }
}
