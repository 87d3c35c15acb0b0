//! Springline's macros: `#[remote]` on traits and `derive(RemoteError)` on enums.
//!
//! Use them through the crate `springline`, whose documentation tells how.

mod attributes;
mod error_enum;
mod expand;
mod naming;
mod trait_model;
mod types;

use proc_macro::TokenStream;

/// Makes a trait remote: the same trait is then implemented by local objects and by proxies of objects elsewhere.
///
/// ```
/// # use springline_core as springline;
/// # use springline_core::Result;
/// # use springline_macros::remote;
/// /// A bank account.
/// #[remote(crate = "springline_core")]
/// pub trait Account {
///     /// The balance in cents.
///     #[remote(name = "balanceOf", idempotent)]
///     async fn balance(&self, owner: &str) -> Result<i64>;
/// }
///
/// struct Empty;
///
/// impl Account for Empty {
///     async fn balance(&self, _owner: &str) -> Result<i64> {
///         Ok(0)
///     }
/// }
///
/// let here = AccountRef::local(Empty);
/// let there = AccountRef::remote(AccountServer::new(Empty)); // any service: a proxy, a pool
/// # let _ = (here, there);
/// ```
///
/// For `trait Account` it gives
///
/// * the trait, with `Send + Sync + 'static` and with methods whose futures can move between threads; implement it
///   with plain `async fn`s, without an attribute,
/// * `AccountRef`: an account that is here or elsewhere, cheap to clone,
/// * `AccountProxy<S>`: an account behind the service `S`,
/// * `AccountServer<T>`: the service that calls the account `T`.
///
/// # On the trait
///
/// * `name = "bank.Account"`: what peers are told that the object is; the trait's name by default.
/// * `rename_all = "camelCase"`: how the names of methods are written on the wire: `lowercase`, `UPPERCASE`,
///   `PascalCase`, `camelCase`, `snake_case`, `SCREAMING_SNAKE_CASE`, `kebab-case` or `SCREAMING-KEBAB-CASE`.
/// * `crate = "path"`: where the crate `springline` is, or `springline_core`; `::springline` by default.
///
/// # On methods
///
/// * `name = "balanceOf"`: the name on the wire.
/// * `idempotent`: running it twice does the same as once, so that retries may repeat it.
/// * `oneway`: callers do not wait for an answer; the result is `Result<()>`.
/// * `attr`: the method reads an attribute; it has no arguments.
/// * `attr, set`: the method sets an attribute to its one argument; `set_value` sets `value` unless `name` says
///   otherwise.
///
/// # Arguments and results
///
/// A method takes `&self` and up to 16 arguments that serde can write and read: owned types, or `&str`, `&[u8]`
/// (which travels as bytes), `&[T]`, `&T` and `Option` of these. It returns a `Result`, whose error is
/// `springline::Error` or an enum with `derive(RemoteError)`. A method with a body in the trait has it as its default.
#[proc_macro_attribute]
pub fn remote(attribute: TokenStream, item: TokenStream) -> TokenStream {
    trait_model::parse(attribute.into(), item.into())
        .map(|model| expand::expand(&model))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Makes an enum the error of remote methods: its variants stand for classes of remote exceptions.
///
/// ```
/// # use springline_core as springline;
/// # use springline_macros::RemoteError;
/// # use std::fmt;
/// #[derive(Debug, RemoteError)]
/// #[remote(crate = "springline_core")]
/// enum BankError {
///     /// Any exception class `Closed`, whatever its module.
///     Closed,
///     /// The exception's first argument.
///     #[remote(class = "bank.InsufficientFunds")]
///     InsufficientFunds(i64),
///     /// The exception's attributes.
///     #[remote(class = "bank.LimitExceeded", code = 42)]
///     LimitExceeded { limit: i64 },
///     /// Everything else: other exceptions, and failures to reach the peer.
///     #[remote(transport)]
///     Rpc(springline::Error),
/// }
///
/// impl fmt::Display for BankError {
///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         match self {
///             Self::Closed => f.write_str("the account is closed"),
///             Self::InsufficientFunds(missing) => write!(f, "{missing} cents are missing"),
///             Self::LimitExceeded { limit } => write!(f, "over the limit of {limit}"),
///             Self::Rpc(e) => e.fmt(f),
///         }
///     }
/// }
/// ```
///
/// On the way out a variant becomes an exception of its class, whose message is what the enum displays. The fields
/// of a tuple variant are the exception's arguments, those of a struct variant its attributes; serde writes and reads
/// them. An exception whose fields do not fit its variant goes to the carrier, unchanged.
///
/// # On variants
///
/// * `class = "bank.Closed"`: the exception's class, as the peer writes it; the variant's name by default.
/// * `code = 42`: the exception's number, where the protocol has one.
/// * `transport`: the carrier; exactly one variant, with one field: `springline::Error`.
/// * `other`: takes remote exceptions of classes that no variant has, as a `springline::Exception`; without one the
///   carrier takes them too.
///
/// A field of a struct variant may have `name = "..."`, the attribute's name; on the enum `crate = "path"` tells where
/// the crate `springline` is.
#[proc_macro_derive(RemoteError, attributes(remote))]
pub fn remote_error(item: TokenStream) -> TokenStream {
    error_enum::derive(item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
