//! Springline itself. The three functions below are all that the harness needs of it.

use crate::Result;
use crate::codecs::{Column, Data};
use crate::driver::Client;
use bytes::Bytes;
use std::net::SocketAddr;

const NOT_YET: &str = "springline is not plugged into the benchmark yet";

/// Serves the object `thing` with `get_data` and `blob` on a free port of 127.0.0.1, for every
/// serializer; tells the parent where with [`announce`](crate::control::announce).
pub(crate) async fn serve() -> Result<()> {
    Err(NOT_YET.into())
}

/// A connection to `thing`; `serializer` is `msgpack` or `serpent`.
pub(crate) async fn client(_addr: SocketAddr, _serializer: &'static str) -> Result<Springline> {
    Err(NOT_YET.into())
}

/// What codecs to time: the same operations as the baselines, under the name `springline`.
pub(crate) fn columns(_data: &Data) -> Vec<Column<'_>> {
    Vec::new()
}

pub(crate) struct Springline;

impl Client for Springline {
    async fn get_data(&mut self, _param: &str) -> Result<String> {
        Err(NOT_YET.into())
    }

    async fn blob(&mut self, _data: &Bytes) -> Result<usize> {
        Err(NOT_YET.into())
    }
}
