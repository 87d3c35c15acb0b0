//! Springline's Hessian: the `#[remote]` trait of the other contestants behind an exporter and before a proxy.

use super::springline::{Object, Thing, ThingProxy, ThingServer};
use crate::Result;
use crate::control::announce;
use crate::driver::Client;
use springline_hessian::Dialect;
use springline_hessian::client::HessianProxy;
use springline_hessian::server::HessianServiceExporter;
use std::net::SocketAddr;

/// Serves `Thing` until the process is ended.
pub(crate) async fn serve() -> Result<()> {
    let server = HessianServiceExporter::builder(ThingServer::new(Object)).bind("127.0.0.1:0").await?;
    announce(server.address().to_string().parse()?)?;
    server.serve_forever().await;
    Ok(())
}

pub(crate) struct Hessian(ThingProxy<HessianProxy>);

/// A proxy with connections of its own.
pub(crate) fn client(addr: SocketAddr) -> Result<Hessian> {
    let proxy = HessianProxy::builder(&format!("http://{addr}/")).dialect(Dialect::Hessian2).build()?;
    Ok(Hessian(ThingProxy::new(proxy)))
}

impl Client for Hessian {
    async fn get_data(&mut self, param: &str) -> Result<String> {
        Ok(self.0.get_data(param).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contestants::http::{HESSIAN_REQUEST, HESSIAN_RESPONSE};
    use crate::driver::{ANSWER, PARAM};
    use springline::payload::Typed;
    use springline::{Output, Payload};
    use springline_hessian::{Version, WriteOptions, write_call, write_reply};

    #[test]
    fn the_limit_moves_our_bytes() {
        let mut out = Output::new();
        let args = (PARAM,);
        write_call(&mut out, Dialect::Hessian2, "get_data", &Payload::borrowed(&args), &WriteOptions::new()).unwrap();
        assert_eq!(out.buf, HESSIAN_REQUEST);
        out.clear();
        write_reply(&mut out, Version::Two, &Payload::borrowed(&Typed(ANSWER)), &WriteOptions::new()).unwrap();
        assert_eq!(out.buf, HESSIAN_RESPONSE);
    }

    #[tokio::test]
    async fn calls() {
        let server = HessianServiceExporter::builder(ThingServer::new(Object)).bind("127.0.0.1:0").await.unwrap();
        let addr: SocketAddr = server.address().to_string().parse().unwrap();
        assert_eq!(client(addr).unwrap().get_data(PARAM).await.unwrap(), ANSWER);
    }
}
