//! Springline itself: a `#[remote]` trait, a daemon that serves it and a proxy that calls it, as a user would have them.

use crate::Result;
use crate::codecs::{Column, Data, Op};
use crate::control::announce;
use crate::driver::Client;
use crate::records::{Record, RecordRef};
use bytes::Bytes;
use springline::pyro::codec::{msgpack, serpent};
use springline::pyro::{Daemon, Generation, Location, Proxy, Serializer, Version};
use springline::{Blob, Budget, Output, de, remote, ser};
use std::hint::black_box;
use std::net::SocketAddr;

#[remote]
pub(crate) trait Thing {
    async fn get_data(&self, param: &str) -> springline::Result<String>;
    async fn blob(&self, data: Blob) -> springline::Result<Blob>;
}

pub(crate) struct Object;

impl Thing for Object {
    async fn get_data(&self, param: &str) -> springline::Result<String> {
        Ok(format!("You got remote data => {param}"))
    }

    async fn blob(&self, data: Blob) -> springline::Result<Blob> {
        Ok(data)
    }
}

/// Serves the object `thing` for every serializer until the process is ended.
pub(crate) async fn serve() -> Result<()> {
    let daemon = Daemon::bind("127.0.0.1:0").await?;
    let uri = daemon.register("thing", ThingServer::new(Object))?;
    let Some(Location::Tcp(host, port)) = uri.location else { return Err("the daemon has no port".into()) };
    announce(format!("{host}:{port}").parse()?)?;
    std::future::pending().await
}

/// A connection to `thing`; `serializer` is `msgpack` or `serpent`.
pub(crate) async fn client(addr: SocketAddr, serializer: &'static str) -> Result<Springline> {
    let serializer: Serializer = serializer.parse()?;
    let proxy = Proxy::builder(&format!("PYRO:thing@{addr}"))?.version(Version::V502).serializer(serializer).build()?;
    Ok(Springline(ThingProxy::new(proxy)))
}

pub(crate) struct Springline(ThingProxy<Proxy>);

impl Client for Springline {
    async fn get_data(&mut self, param: &str) -> Result<String> {
        Ok(self.0.get_data(param).await?)
    }

    async fn blob(&mut self, data: &Bytes) -> Result<usize> {
        Ok(self.0.blob(Blob(data.clone())).await?.len())
    }

    fn share(&self) -> Option<Self> {
        Some(Self(self.0.clone()))
    }
}

/// What codecs to time: the same operations as the baselines, through serde.
pub(crate) fn columns(data: &Data) -> Vec<Column<'_>> {
    const NAME: &str = "springline";
    let mut msgpack_out = Output::new();
    let mut serpent_out = Output::new();
    let Data { records, msgpack, serpent, .. } = data;
    let mut columns = vec![
        Column::new(Op::MsgpackEncode, NAME, move || {
            msgpack_out.clear();
            ser::to_sink(records, &mut msgpack::Encoder::new(&mut msgpack_out, Generation::Pyro5)).expect("plain data");
            black_box(&msgpack_out);
        }),
        Column::new(Op::MsgpackDecode, NAME, || {
            let mut source = msgpack::Decoder::new(msgpack, 0, Budget::default());
            black_box(de::from_source::<Vec<Record>, _>(&mut source).expect("own bytes"));
        }),
        Column::new(Op::MsgpackBorrow, NAME, || {
            let mut source = msgpack::Decoder::new(msgpack, 0, Budget::default());
            black_box(de::from_source::<Vec<RecordRef<'_>>, _>(&mut source).expect("own bytes"));
        }),
        Column::new(Op::SerpentEncode, NAME, move || {
            serpent_out.clear();
            ser::to_sink(records, &mut serpent::Encoder::new(&mut serpent_out, Generation::Pyro5)).expect("plain data");
            black_box(&serpent_out);
        }),
    ];
    if !serpent.is_empty() {
        columns.push(Column::new(Op::SerpentDecode, NAME, || {
            let mut source = serpent::Decoder::new(serpent, 0, Budget::default());
            black_box(de::from_source::<Vec<Record>, _>(&mut source).expect("Python's bytes"));
        }));
    }
    columns
}
