//! Calling XML-RPC servers.
//!
//! ```no_run
//! # async fn f() -> springline_core::Result<()> {
//! use springline_xmlrpc::client::XmlRpcProxy;
//!
//! let server = XmlRpcProxy::builder("https://localhost:8000/RPC2").ca_certs("ca-chain.pem").build()?;
//! let power: i64 = server.call("pow", (41, 3)).await?;
//! # Ok(()) }
//! ```
//!
//! # What fails, and how
//!
//! | what happened | [`ErrorKind`] | [`Reached`] |
//! | --- | --- | --- |
//! | a fault | `Remote`, with [`Error::exception`](springline_core::Error::exception) | `Answered` |
//! | an HTTP status other than 200 | `Denied`, `NotFound` or `Protocol`, with an [`HttpStatus`] | `Answered` |
//! | an answer that is no XML-RPC | `Malformed` or `Protocol`; says what came | `Answered` |
//! | arguments that XML-RPC cannot carry | `Encode` | `NotSent` |
//! | nobody listens, no such host | `Unavailable` | `NotSent` |
//! | TLS or certificates are refused, by either side | `Denied` | `NotSent`, or `MaybeExecuted` where the server only hung up |
//! | the connection ended before the answer | `Closed` | by what was written |
//! | a deadline passed | `Timeout` | by what was written |
//!
//! [`ErrorKind`]: springline_core::ErrorKind
//! [`Reached`]: springline_core::Reached

mod builder;
mod introspection;
mod multicall;
mod proxy;
mod ssl_client;

pub use builder::XmlRpcProxyBuilder;
pub use introspection::{Capability, Signature};
pub use multicall::Multicall;
pub use proxy::XmlRpcProxy;
pub use springline_net::http::{HttpStatus, Proxies};
pub use ssl_client::SSLClient;
