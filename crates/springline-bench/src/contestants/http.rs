//! The limit of XML-RPC: a bare hyper server and client that move the documents of the call with the headers that
//! they need, and never look into them. Plain and over bare rustls. Peers that are a codec only stand on it too.

use crate::Result;
use crate::control::announce;
use crate::driver::{ANSWER, Client};
use crate::pki::{Files, server_name};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// `get_data("Hello")`, as Springline writes it.
pub(crate) const REQUEST: &str = "<?xml version='1.0'?>\n<methodCall><methodName>get_data</methodName><params>\
    <param><value><string>Hello</string></value></param></params></methodCall>\n";

/// Its answer, as Springline writes it.
pub(crate) const RESPONSE: &str = "<?xml version='1.0'?>\n<methodResponse><params><param><value><string>\
    You got remote data =&gt; Hello</string></value></param></params></methodResponse>\n";

/// The same call and its answer in Hessian 2, as Springline and Java write them.
pub(crate) const HESSIAN_REQUEST: &[u8] = b"H\x02\x00C\x08get_data\x91\x05Hello";
pub(crate) const HESSIAN_RESPONSE: &[u8] = b"H\x02\x00R\x1cYou got remote data => Hello";

/// What a server does with a request's document.
pub(crate) type Answer = fn(&Bytes) -> Result<Bytes>;

/// What a client does with a parameter and with the document of the answer.
#[derive(Clone, Copy)]
pub(crate) struct Codec {
    pub(crate) request: fn(&str) -> Result<Bytes>,
    pub(crate) response: fn(&Bytes) -> Result<String>,
}

/// The limit's: it is told the documents.
pub(crate) const BARE: Codec = Codec {
    request: |_| Ok(Bytes::from_static(REQUEST.as_bytes())),
    response: |document| {
        if document.len() == RESPONSE.len() { Ok(ANSWER.to_owned()) } else { Err("another document".into()) }
    },
};

/// The limit's of Hessian.
pub(crate) const BARE_HESSIAN: Codec = Codec {
    request: |_| Ok(Bytes::from_static(HESSIAN_REQUEST)),
    response: |reply| {
        if reply.len() == HESSIAN_RESPONSE.len() { Ok(ANSWER.to_owned()) } else { Err("another reply".into()) }
    },
};

pub(crate) fn bare_hessian_answer(request: &Bytes) -> Result<Bytes> {
    if request.len() == HESSIAN_REQUEST.len() {
        return Ok(Bytes::from_static(HESSIAN_RESPONSE));
    }
    Err("another call".into())
}

pub(crate) fn bare_answer(request: &Bytes) -> Result<Bytes> {
    if request.len() == REQUEST.len() {
        return Ok(Bytes::from_static(RESPONSE.as_bytes()));
    }
    Err("another document".into())
}

/// Serves until the process is ended, over TLS where there are certificates.
pub(crate) async fn serve(answer: Answer, pki: Option<Files>) -> Result<()> {
    let acceptor = match pki {
        Some(pki) => Some(TlsAcceptor::from(Arc::new(pki.server(false)?))),
        None => None,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    announce(listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        match acceptor.clone() {
            Some(acceptor) => tokio::spawn(async move { connection(acceptor.accept(stream).await?, answer).await }),
            None => tokio::spawn(connection(stream, answer)),
        };
    }
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin + 'static, answer: Answer) -> Result<()> {
    let service = service_fn(move |request| respond(request, answer));
    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await?;
    Ok(())
}

async fn respond(request: Request<Incoming>, answer: Answer) -> Result<Response<Full<Bytes>>> {
    let document = request.into_body().collect().await?.to_bytes();
    answer(&document).map(|document| {
        let mut response = Response::new(Full::new(document));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
        response
    })
}

/// One connection of hyper's client.
pub(crate) struct Http {
    sender: SendRequest<Full<Bytes>>,
    host: HeaderValue,
    codec: Codec,
}

/// Connects, over TLS where there are certificates.
pub(crate) async fn client(addr: SocketAddr, codec: Codec, pki: Option<Files>) -> Result<Http> {
    let stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    let sender = match pki {
        Some(pki) => {
            let connector = TlsConnector::from(Arc::new(pki.client(false)?));
            handshake(connector.connect(server_name(), stream).await?).await?
        }
        None => handshake(stream).await?,
    };
    Ok(Http { sender, host: addr.to_string().try_into()?, codec })
}

async fn handshake(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<SendRequest<Full<Bytes>>> {
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

impl Client for Http {
    async fn get_data(&mut self, param: &str) -> Result<String> {
        let request = Request::post("/RPC2")
            .header(HOST, &self.host)
            .header(CONTENT_TYPE, HeaderValue::from_static("text/xml"))
            .body(Full::new((self.codec.request)(param)?))?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        if response.status() != StatusCode::OK {
            return Err(format!("HTTP status {}", response.status()).into());
        }
        (self.codec.response)(&response.into_body().collect().await?.to_bytes())
    }
}
