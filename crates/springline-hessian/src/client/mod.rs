//! Calling Hessian services.
//!
//! ```no_run
//! # async fn f() -> springline_core::Result<()> {
//! use springline_hessian::client::HessianProxyFactory;
//!
//! let service_url = "http://localhost:8080/".to_owned();
//! let person_service = HessianProxyFactory { service_url }.create()?;
//! let person = person_service.call_value("transform", ("Greg Turnquist a,b,c,x,y,z",)).await?;
//! println!("{:?}", person.field("firstName"));
//! # Ok(()) }
//! ```
//!
//! Java's names are in camel case, and so may those of a `#[remote]` trait be: `#[remote(rename_all = "camelCase")]`.
//!
//! # What fails, and how
//!
//! | what happened | [`ErrorKind`] | [`Reached`] |
//! | --- | --- | --- |
//! | a fault | `Remote`, with [`Error::exception`](springline_core::Error::exception) | `Answered` |
//! | an HTTP status other than 200 | `Denied`, `NotFound` or `Protocol`, with an [`HttpStatus`] | `Answered` |
//! | status 200 and an empty reply, no Hessian, the draft of Hessian 2 | `Protocol`; says which | `Answered` |
//! | status 200 and a reply that breaks off | `Protocol`; says so | `MaybeExecuted` where the connection did |
//! | a damaged reply | `Malformed` with the offset | `Answered` |
//! | arguments that Hessian cannot carry | `Encode` | `NotSent` |
//! | nobody listens, no such host | `Unavailable` | `NotSent` |
//! | TLS or certificates are refused, by either side | `Denied` | `NotSent`, or `MaybeExecuted` where the server only hung up |
//! | the connection ended before the reply | `Closed` | by what was written |
//! | a deadline passed | `Timeout` | by what was written |
//!
//! A Java server that cannot read an argument (an `int` for an enum, an object of a class that has other fields), or cannot
//! write the result, has said 200 by then: it breaks the reply off (`HessianServlet`) or leaves it empty (Spring).
//!
//! [`ErrorKind`]: springline_core::ErrorKind
//! [`Reached`]: springline_core::Reached

mod builder;
mod download;
mod factory;
mod proxy;
mod upload;

pub use builder::HessianProxyBuilder;
pub use download::Download;
pub(crate) use download::Opened;
pub use factory::HessianProxyFactory;
pub(crate) use proxy::GET_ATTRIBUTE;
pub use proxy::HessianProxy;
pub use springline_net::http::{HttpStatus, Proxies};
