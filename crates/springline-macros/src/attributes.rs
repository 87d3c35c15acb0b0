//! Reading `#[remote(..)]` wherever it stands, and what the other attributes of an item say.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::spanned::Spanned as _;
use syn::{Attribute, Error, Expr, ExprLit, Ident, Lit, LitInt, LitStr, Meta, Path, Result, Token};

/// Errors gathered on the way, so that all of an item's faults are told at once.
#[derive(Default)]
pub(crate) struct Errors(Option<Error>);

impl Errors {
    pub(crate) fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(all) => all.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// An error that covers `at`.
    pub(crate) fn at(&mut self, at: impl quote::ToTokens, message: impl std::fmt::Display) {
        self.push(Error::new_spanned(at, message));
    }

    /// What was read, or the error gathered with all others.
    pub(crate) fn keep<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|e| self.push(e)).ok()
    }

    pub(crate) fn finish<T>(self, value: T) -> Result<T> {
        self.0.map_or(Ok(value), Err)
    }
}

/// One `key` or `key = value` of a `#[remote(..)]`.
pub(crate) struct Item {
    pub(crate) key: Ident,
    value: Option<Expr>,
}

impl Item {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        // `crate` is a key too, so keywords are taken as names.
        let key = Ident::parse_any(input)?;
        let value = if input.parse::<Option<Token![=]>>()?.is_some() { Some(input.parse()?) } else { None };
        Ok(Self { key, value })
    }

    /// A key without a value.
    pub(crate) fn flag(&self) -> Result<()> {
        match &self.value {
            None => Ok(()),
            Some(value) => Err(Error::new_spanned(value, format!("`{}` takes no value", self.key))),
        }
    }

    /// A key with a text that is not empty.
    pub(crate) fn text(&self) -> Result<LitStr> {
        match &self.value {
            Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) if !text.value().is_empty() => Ok(text.clone()),
            Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => {
                Err(Error::new_spanned(text, format!("`{}` must not be empty", self.key)))
            }
            Some(other) => Err(Error::new_spanned(other, format!("`{}` takes a text in quotes", self.key))),
            None => Err(Error::new_spanned(&self.key, format!("expected `{} = \"...\"`", self.key))),
        }
    }

    /// A key with an integer, which may be negative.
    pub(crate) fn integer(&self) -> Result<i64> {
        let parse = |value: &Expr, negative: bool, digits: &LitInt| {
            let sign = if negative { "-" } else { "" };
            format!("{sign}{}", digits.base10_digits())
                .parse()
                .map_err(|_| Error::new_spanned(value, format!("`{}` must fit in 64 bits", self.key)))
        };
        match &self.value {
            Some(value @ Expr::Lit(ExprLit { lit: Lit::Int(digits), .. })) => return parse(value, false, digits),
            Some(value @ Expr::Unary(minus)) if matches!(minus.op, syn::UnOp::Neg(_)) => {
                if let Expr::Lit(ExprLit { lit: Lit::Int(digits), .. }) = &*minus.expr {
                    return parse(value, true, digits);
                }
            }
            _ => {}
        }
        let at = self.value.as_ref().map_or(self.key.span(), |v| v.span());
        Err(Error::new(at, format!("`{}` takes an integer", self.key)))
    }

    /// A key with a path in quotes.
    pub(crate) fn path(&self) -> Result<Path> {
        let text = self.text()?;
        text.parse().map_err(|_| Error::new_spanned(&text, "expected the path of a crate, as \"springline_core\""))
    }

    /// The error for a key that does not belong here.
    pub(crate) fn unknown(&self, place: &str, known: &[&str]) -> Error {
        let known: Vec<String> = known.iter().map(|k| format!("`{k}`")).collect();
        let text = format!("unknown option `{}` on {place}, expected {}", self.key, one_of(&known));
        Error::new_spanned(&self.key, text)
    }
}

fn one_of(known: &[String]) -> String {
    match known {
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
        [] => "none".to_owned(),
    }
}

/// The options in the brackets of `#[remote(..)]`. One that is there twice is an error.
pub(crate) fn options(tokens: TokenStream, errors: &mut Errors) -> Vec<Item> {
    let parser = |input: ParseStream<'_>| input.parse_terminated(Item::parse, Token![,]);
    let mut items: Vec<Item> = Vec::new();
    for item in errors.keep(parser.parse2(tokens)).into_iter().flatten() {
        if items.iter().any(|i| i.key == item.key) {
            errors.at(&item.key, format_args!("`{}` is given twice", item.key));
        } else {
            items.push(item);
        }
    }
    items
}

/// The options of all `#[remote(..)]` among an item's attributes.
pub(crate) fn own(attributes: &[Attribute], errors: &mut Errors) -> Vec<Item> {
    let mut tokens = TokenStream::new();
    for attribute in attributes.iter().filter(|a| is_own(a)) {
        match &attribute.meta {
            Meta::List(list) => {
                let inner = &list.tokens;
                // Several attributes are one list; a comma at the end of one must not become two.
                tokens.extend(if ends_with_comma(inner) { quote!(#inner) } else { quote!(#inner,) });
            }
            other => errors.at(other, "expected `#[remote(...)]` with options in brackets"),
        }
    }
    options(tokens, errors)
}

fn ends_with_comma(tokens: &TokenStream) -> bool {
    match tokens.clone().into_iter().last() {
        Some(proc_macro2::TokenTree::Punct(p)) => p.as_char() == ',',
        last => last.is_none(),
    }
}

pub(crate) fn is_own(attribute: &Attribute) -> bool {
    attribute.path().is_ident("remote")
}

/// Those attributes that decide whether the item is there at all.
pub(crate) fn cfgs(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|a| a.path().is_ident("cfg")).cloned().collect()
}

/// The text of the doc comments.
pub(crate) fn doc(attributes: &[Attribute]) -> String {
    let mut text = String::new();
    for attribute in attributes.iter().filter(|a| a.path().is_ident("doc")) {
        if let Meta::NameValue(pair) = &attribute.meta
            && let Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) = &pair.value
        {
            let line = line.value();
            // The blank after the slashes belongs to the comment, not to the text.
            text.push_str(line.strip_prefix(' ').unwrap_or(&line));
            text.push('\n');
        }
    }
    text.trim().to_owned()
}

/// The module of the crate that generated code names: `::springline::__private` unless a `crate` option says otherwise.
pub(crate) fn private(krate: Option<&Path>) -> TokenStream {
    krate.map_or_else(|| quote!(::springline::__private), |path| quote!(#path::__private))
}

/// A bound of a `where` clause, all of it at the place of the type: there the compiler tells that it does not hold.
pub(crate) fn bound(ty: &impl ToTokens, private: &TokenStream, name: &str) -> TokenStream {
    let at = place(ty.span());
    let private = private.clone().into_iter().map(|mut token| {
        // Each token is found from where it was written.
        token.set_span(token.span().located_at(at));
        token
    });
    let private = private.collect::<TokenStream>();
    let name = Ident::new(name, at);
    quote_spanned!(at=> #ty: #private::#name,)
}

/// The place of `span` with the names of the macro's own code: local variables are found whatever macro wrote the type
/// at that place.
pub(crate) fn place(span: Span) -> Span {
    Span::call_site().located_at(span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn several_attributes_are_one_list() {
        let attributes: [Attribute; 4] = [
            parse_quote!(#[remote(name = "a",)]),
            parse_quote!(#[doc = " text"]),
            parse_quote!(#[remote()]),
            parse_quote!(#[remote(oneway)]),
        ];
        let mut errors = Errors::default();
        let keys: Vec<String> = own(&attributes, &mut errors).iter().map(|i| i.key.to_string()).collect();
        assert_eq!(errors.finish(keys).unwrap(), ["name", "oneway"]);
        assert_eq!(doc(&attributes), "text");
    }

    #[test]
    fn integers_may_be_negative() {
        let mut errors = Errors::default();
        let items = options(quote!(a = -5, b = 0x10, c = "x", d = 9223372036854775808), &mut errors);
        let read: Vec<Option<i64>> = items.iter().map(|i| i.integer().ok()).collect();
        assert_eq!(read, [Some(-5), Some(16), None, None]);
    }
}
