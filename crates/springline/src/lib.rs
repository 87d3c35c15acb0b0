//! One Rust trait, one piece of client code, whether the object is in this process or behind Pyro, XML-RPC or Hessian.
//!
//! The link between a client and a service is configuration, not code: what a client holds is *some* `Account`. Where
//! that one is, and how calls get there, is decided in one place, at run time.
//!
//! # A trait
//!
//! [`#[remote]`](macro@remote) on a trait makes it remote. An implementation is plain Rust, without an attribute:
//!
//! ```
//! use springline::{Result, remote};
//!
//! /// A bank account.
//! #[remote]
//! pub trait Account {
//!     /// The balance in cents.
//!     #[remote(name = "balanceOf", idempotent)]
//!     async fn balance(&self, owner: &str) -> Result<i64>;
//!
//!     /// Notes a line; callers do not wait.
//!     #[remote(oneway)]
//!     async fn log(&self, line: String) -> Result<()>;
//! }
//!
//! struct Savings;
//!
//! impl Account for Savings {
//!     async fn balance(&self, owner: &str) -> Result<i64> {
//!         Ok(100 * owner.len() as i64)
//!     }
//!
//!     async fn log(&self, line: String) -> Result<()> {
//!         println!("{line}");
//!         Ok(())
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! // Here ...
//! let account = AccountRef::local(Savings);
//! assert_eq!(account.balance("Ada").await?, 300);
//!
//! // ... or behind any service: the same type, the same call.
//! let account = AccountRef::remote(AccountServer::new(Savings));
//! assert_eq!(account.balance("Ada").await?, 300);
//! # Ok::<(), springline::Error>(())
//! # }).unwrap();
//! ```
//!
//! For `trait Account` there are then
//!
//! | | |
//! | --- | --- |
//! | `AccountRef` | some account, here or elsewhere; cheap to clone: what programs pass around |
//! | `AccountServer<T>` | turns an account into a [`Service`]: what a daemon serves |
//! | `AccountProxy<S>` | turns a [`Service`] into an account, without a pointer in between |
//!
//! # A service
//!
//! Local objects, proxies, pools, recorders and gateways are all one thing, a [`Service`]. It takes a [`Call`] and gives
//! a [`Reply`]; whatever wraps a service is one again. This one counts:
//!
//! ```
//! use std::sync::atomic::{AtomicUsize, Ordering};
//! use springline::{BoxFuture, Call, FnService, Reply, Result, Service};
//!
//! struct Counted<S>(S, AtomicUsize);
//!
//! impl<S: Service> Service for Counted<S> {
//!     fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
//!         self.1.fetch_add(1, Ordering::Relaxed);
//!         self.0.call(call)
//!     }
//! }
//!
//! // An object can also be made of closures.
//! let calc = FnService::new("calc").method("add", ["a", "b"], |(a, b): (i64, i64)| async move { Ok(a + b) });
//! let calc = Counted(calc, AtomicUsize::new(0));
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let reply = calc.call(&Call::new("add", &(1, 2))).await?;
//! assert_eq!(reply.result.decode::<i64>()?, 3);
//! assert_eq!(calc.1.into_inner(), 1);
//! # Ok::<(), springline::Error>(())
//! # }).unwrap();
//! ```
//!
//! # Errors
//!
//! A remote method returns [`Result`]. Its [`Error`] tells what went wrong ([`Error::kind`]), how far the call got
//! ([`Error::reached`]: only what was never sent is safe to repeat) and what the peer raised ([`Error::exception`]).
//! An enum of your own, with [`derive(RemoteError)`](derive@RemoteError), names the exceptions that you expect:
//!
//! ```
//! use springline::{Error, Exception, RemoteError, Result, remote};
//! # use std::fmt;
//!
//! #[derive(Debug, RemoteError)]
//! enum BankError {
//!     #[remote(class = "bank.InsufficientFunds")]
//!     InsufficientFunds(i64),
//!     #[remote(transport)]
//!     Rpc(Error),
//! }
//! # impl fmt::Display for BankError {
//! #     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
//! #         match self {
//! #             Self::InsufficientFunds(missing) => write!(f, "{missing} cents are missing"),
//! #             Self::Rpc(e) => e.fmt(f),
//! #         }
//! #     }
//! # }
//!
//! #[remote]
//! trait Till {
//!     async fn pay(&self, cents: i64) -> Result<(), BankError>;
//! }
//!
//! struct Empty;
//!
//! impl Till for Empty {
//!     async fn pay(&self, cents: i64) -> Result<(), BankError> {
//!         Err(BankError::InsufficientFunds(cents))
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let till = TillRef::remote(TillServer::new(Empty));
//! match till.pay(5).await {
//!     Err(BankError::InsufficientFunds(missing)) => assert_eq!(missing, 5),
//!     other => panic!("{other:?}"),
//! }
//! # });
//! ```
//!
//! A handler finds who calls, annotations and the deadline in [`call_context`].
//!
//! # Values
//!
//! Arguments and results are whatever serde can write and read. A struct is a map to peers, or an object where its serde
//! name has a dot; what serde has no word for has a type of its own: [`Blob`] for bytes without a copy, [`Set`],
//! [`Tuple`], [`DateTime`], [`Decimal`], [`Integer`], [`RemoteRef`]. [`Value`] is any of them, for programs that do not
//! know the types beforehand.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use springline::remote::{from_value, to_value};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! #[serde(rename = "bank.Money")]
//! struct Money {
//!     cents: i64,
//! }
//!
//! let value = to_value(&Money { cents: 5 })?;
//! assert_eq!((value.class(), value.field("cents")), (Some("bank.Money"), Some(&5_i64.into())));
//! assert_eq!(from_value::<Money>(&value)?, Money { cents: 5 });
//! # Ok::<(), springline::Error>(())
//! ```
//!
//! # Names
//!
//! A [`Registry`] holds the services of this process by name; daemons look their objects up in one. A [`Directory`] tells
//! where named objects are, on whatever machine; [`MemoryDirectory`] is the one without a network.
//!
//! # Features
//!
//! * `macros` (default): [`#[remote]`](macro@remote) and [`derive(RemoteError)`](derive@RemoteError).
//! * `pyro` (default): `springline::pyro`, for Pyro 3, 4 and 5.
//! * `tls` (default): Pyro 3 over TLS.
//! * `xmlrpc`: `springline::xmlrpc`, over HTTP, HTTPS and Unix sockets.
//! * `hessian`: `springline::hessian`, for Hessian 1 and 2.
//! * `context`: the application context, `springline::context`.
//! * `cluster`: `springline::cluster`, pools of replicas.
#![cfg_attr(
    all(
        feature = "cluster",
        feature = "context",
        feature = "hessian",
        feature = "macros",
        feature = "pyro",
        feature = "xmlrpc"
    ),
    doc = "\nThe [guide] has a page for each task: what to write to call, serve, secure, bridge, migrate."
)]

pub use springline_core::{
    Args, BigInt, Blob, BoxFuture, Budget, Bytes, Call, CallKind, CallOptions, Chunk, Complex, Container, Date,
    DateTime, Decimal, Directory, Encode, Error, ErrorKind, Event, Exception, FnService, Format, FrozenSet, Integer,
    Kind, Limits, ListKind, MemoryDirectory, Metadata, MethodInfo, Object, Output, ParamInfo, Payload, Peer, Reached,
    Reading, Registry, RemoteError, RemoteRef, Reply, Result, Scheme, Service, ServiceInfo, Set, Sink, Source, Start,
    Tape, Text, Time, Tuple, Value, split_scheme, transcode,
};
pub use springline_core::{
    bind, component, datetime, de, directory, event, payload, remote, ser, service, tape, value, value_source,
};

#[cfg(feature = "context")]
pub mod context;

// Documentation alone, and its code is tested. It needs everything.
#[cfg(all(
    any(doc, doctest),
    feature = "cluster",
    feature = "context",
    feature = "hessian",
    feature = "macros",
    feature = "pyro",
    feature = "xmlrpc"
))]
pub mod guide;

pub use springline_core::context as call_context;

#[doc(hidden)]
pub use springline_core::__private;

#[cfg(feature = "macros")]
pub use springline_macros::{RemoteError, remote};

#[cfg(feature = "cluster")]
pub use springline_cluster as cluster;
#[cfg(feature = "hessian")]
pub use springline_hessian as hessian;
#[cfg(feature = "pyro")]
pub use springline_pyro as pyro;
#[cfg(feature = "xmlrpc")]
pub use springline_xmlrpc as xmlrpc;
