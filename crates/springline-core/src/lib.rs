//! The service model that every Springline protocol stands on: no tokio, no IO, no clock.

mod annotations;
pub mod bind;
pub mod component;
pub mod context;
pub mod datetime;
pub mod de;
pub mod directory;
mod error;
pub mod event;
mod exception;
mod fn_service;
mod format;
mod limits;
mod name;
mod numbers;
mod output;
pub mod panics;
pub mod payload;
mod registry;
pub mod remote;
mod remote_ref;
pub mod ser;
pub mod service;
mod special;
pub mod tape;
pub mod value;
pub mod value_source;

pub use annotations::Annotations;
pub use datetime::{Date, DateTime, Time};
pub use directory::{Directory, MemoryDirectory};
pub use error::{Error, ErrorKind, Reached, Result};
pub use event::{Chunk, Container, Event, Kind, ListKind, Mark, Sink, Source, Start, Text, transcode};
pub use exception::Exception;
pub use fn_service::FnService;
pub use format::{Format, Reading};
pub use limits::{Budget, Limits};
pub use name::{Scheme, split_scheme};
pub use output::Output;
pub use payload::{Args, Encode, Payload};
pub use registry::Registry;
pub use remote::RemoteError;
pub use remote_ref::RemoteRef;
pub use service::{
    BoxFuture, Call, CallKind, CallOptions, Calls, Credentials, Metadata, MethodInfo, ParamInfo, Peer, Reply, Service,
    ServiceInfo, boxed,
};
pub use special::{Blob, Complex, Decimal, FrozenSet, Integer, Set, Tuple};
pub use tape::Tape;
pub use value::{Object, Value};

pub use bytes::Bytes;
pub use num_bigint::BigInt;

/// What the expansion of `#[remote]` and `derive(RemoteError)` names. No part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use std::borrow::Cow;
    pub use std::boxed::Box;
    pub use std::fmt::Display;
    pub use std::sync::Arc;

    pub use crate::bind::{BytesArg, StrArg};
    pub use crate::component::RemoteHandle;
    pub use crate::remote::{
        Argument, Handle, OnewayResult, Raise, RemoteError, RemoteResult, Responded, VariantInfo, answer, argument,
        attribute, invoke, misfit, only_argument, reply, run, variant_of,
    };
    pub use crate::service::{
        BoxFuture, Call, CallKind, CallView, Calls, MethodInfo, ParamInfo, Reply, Service, ServiceInfo, no_such_method,
    };
    pub use crate::{Error, Exception, Result};
}
