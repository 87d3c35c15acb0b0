//! tonic with its defaults, written out by hand as its generator would write it, so that no protoc
//! is needed.

use crate::Result;
use crate::control::announce;
use crate::driver::Client;
use bytes::Bytes;
use std::convert::Infallible;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::codegen::{BoxFuture, Context, Poll, Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

#[derive(Clone, PartialEq, prost::Message)]
struct Text {
    #[prost(string, tag = "1")]
    text: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Blob {
    #[prost(bytes = "bytes", tag = "1")]
    data: Bytes,
}

const GET_DATA: &str = "/bench.Echo/GetData";
const BLOB: &str = "/bench.Echo/Blob";

struct GetData;

impl UnaryService<Text> for GetData {
    type Response = Text;
    type Future = BoxFuture<Response<Text>, Status>;

    fn call(&mut self, request: Request<Text>) -> Self::Future {
        Box::pin(async move {
            let text = format!("You got remote data => {}", request.into_inner().text);
            Ok(Response::new(Text { text }))
        })
    }
}

struct EchoBlob;

impl UnaryService<Blob> for EchoBlob {
    type Response = Blob;
    type Future = BoxFuture<Response<Blob>, Status>;

    fn call(&mut self, request: Request<Blob>) -> Self::Future {
        Box::pin(async move { Ok(Response::new(request.into_inner())) })
    }
}

#[derive(Clone)]
struct Echo;

impl NamedService for Echo {
    const NAME: &'static str = "bench.Echo";
}

impl Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        match request.uri().path() {
            GET_DATA => Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).unary(GetData, request).await) }),
            BLOB => Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).unary(EchoBlob, request).await) }),
            _ => Box::pin(async { Ok(Status::unimplemented("no such method").into_http()) }),
        }
    }
}

pub(crate) async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    announce(listener.local_addr()?)?;
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let server = tonic::transport::Server::builder().add_service(Echo);
    Ok(server.serve_with_incoming(incoming).await?)
}

#[derive(Clone)]
pub(crate) struct Tonic(tonic::client::Grpc<Channel>);

pub(crate) async fn client(addr: SocketAddr) -> Result<Tonic> {
    let channel = Endpoint::from_shared(format!("http://{addr}"))?.connect().await?;
    Ok(Tonic(tonic::client::Grpc::new(channel)))
}

impl Client for Tonic {
    async fn get_data(&mut self, param: &str) -> Result<String> {
        self.0.ready().await?;
        let request = Request::new(Text { text: param.to_owned() });
        let codec = ProstCodec::<Text, Text>::default();
        let reply = self.0.unary(request, PathAndQuery::from_static(GET_DATA), codec).await?;
        Ok(reply.into_inner().text)
    }

    async fn blob(&mut self, data: &Bytes) -> Result<usize> {
        self.0.ready().await?;
        let request = Request::new(Blob { data: data.clone() });
        let codec = ProstCodec::<Blob, Blob>::default();
        let reply = self.0.unary(request, PathAndQuery::from_static(BLOB), codec).await?;
        Ok(reply.into_inner().data.len())
    }

    fn share(&self) -> Option<Self> {
        Some(self.clone())
    }
}
