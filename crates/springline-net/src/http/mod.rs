//! HTTP/1.1, by hyper: a server that mounts handlers under paths, and a client.

mod auth;
mod body;
mod client;
pub mod coding;
pub mod conditions;
#[cfg(feature = "tls")]
pub mod configuration;
mod connection;
#[cfg(feature = "tls")]
pub mod hub;
mod io;
#[cfg(feature = "tls")]
mod listening;
mod log;
mod message;
mod quiet;
mod server;
mod wakes;

pub use auth::{Door, Login, SingleUser};
pub use body::{Body, BodySender, Incoming, Piece};
pub use client::{
    Answer, AnswerCut, ClientRequest, ClientResponse, Credentials, HttpClient, HttpClientBuilder, HttpStatus, HttpUrl,
    Proxies, ResponseHead,
};
#[cfg(feature = "tls")]
pub use listening::{Listening, SecureUrl, WebServer};
pub use log::RequestLine;
pub use message::{Request, Response, closing, refusal, text};
pub use server::{HttpHandler, HttpOptions, HttpServer, HttpServerBuilder};

// What stands in the signatures here.
pub use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header};
