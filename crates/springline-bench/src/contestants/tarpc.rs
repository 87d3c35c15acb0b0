//! tarpc as its documentation shows it (a task for each request, bincode), but with TCP_NODELAY,
//! which its own `tcp` module never sets.
#![allow(missing_docs, unreachable_pub)]

use crate::Result;
use crate::control::announce;
use crate::driver::Client;
use bytes::Bytes;
use futures_util::StreamExt;
use serde_bytes::ByteBuf;
use std::net::SocketAddr;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;
use tarpc::tokio_util::codec::LengthDelimitedCodec;
use tarpc::{client, context};
use tokio::net::{TcpListener, TcpStream};

#[tarpc::service]
trait Echo {
    async fn get_data(param: String) -> String;
    async fn blob(data: ByteBuf) -> ByteBuf;
}

#[derive(Clone)]
struct Server;

impl Echo for Server {
    async fn get_data(self, _: context::Context, param: String) -> String {
        format!("You got remote data => {param}")
    }

    async fn blob(self, _: context::Context, data: ByteBuf) -> ByteBuf {
        data
    }
}

pub(crate) async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    announce(listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let framed = LengthDelimitedCodec::builder().new_framed(stream);
        let transport = tarpc::serde_transport::new(framed, Bincode::default());
        let requests = BaseChannel::with_defaults(transport).execute(Server.serve());
        tokio::spawn(requests.for_each(|request| async {
            tokio::spawn(request);
        }));
    }
}

#[derive(Clone)]
pub(crate) struct Tarpc(EchoClient);

pub(crate) async fn client(addr: SocketAddr) -> Result<Tarpc> {
    let stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    let framed = LengthDelimitedCodec::builder().new_framed(stream);
    let transport = tarpc::serde_transport::new(framed, Bincode::default());
    Ok(Tarpc(EchoClient::new(client::Config::default(), transport).spawn()))
}

impl Client for Tarpc {
    async fn get_data(&mut self, param: &str) -> Result<String> {
        Ok(self.0.get_data(context::current(), param.to_owned()).await?)
    }

    async fn blob(&mut self, data: &Bytes) -> Result<usize> {
        let data = ByteBuf::from(data.to_vec());
        Ok(self.0.blob(context::current(), data).await?.len())
    }

    fn share(&self) -> Option<Self> {
        Some(self.clone())
    }
}
