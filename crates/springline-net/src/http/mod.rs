//! HTTP/1.1, by hyper: a server that mounts handlers under paths, and a client.

mod body;
mod client;
pub mod coding;
mod connection;
mod io;
mod message;
mod server;

pub use body::{Body, BodySender, Incoming};
pub use client::{
    Answer, ClientRequest, ClientResponse, Credentials, HttpClient, HttpClientBuilder, HttpStatus, HttpUrl, Proxies,
    ResponseHead,
};
pub use message::{Request, Response, closing, refusal, text};
pub use server::{HttpHandler, HttpOptions, HttpServer, HttpServerBuilder};

// What stands in the signatures here.
pub use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header};
