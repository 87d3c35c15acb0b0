//! Springline's Pyro 3: the `#[remote]` trait of the other contestants behind a daemon and before a proxy.

use super::springline::{Object, Thing, ThingProxy, ThingServer};
use crate::Result;
use crate::control::announce;
use crate::driver::Client;
use springline::pyro::pyro3::{Daemon, Proxy};
use std::net::SocketAddr;

/// Serves `Thing` until the process is ended.
pub(crate) async fn serve() -> Result<()> {
    let daemon = Daemon::bind("127.0.0.1:0").await?;
    daemon.register("thing", ThingServer::new(Object))?;
    announce(daemon.address().to_string().parse()?)?;
    std::future::pending().await
}

pub(crate) struct Pyro3(ThingProxy<Proxy>);

/// A proxy, which connects at its first call and asks for the object's id.
pub(crate) fn client(addr: SocketAddr) -> Result<Pyro3> {
    Ok(Pyro3(ThingProxy::new(Proxy::new(&format!("PYROLOC://{addr}/thing"))?)))
}

impl Client for Pyro3 {
    async fn get_data(&mut self, param: &str) -> Result<String> {
        Ok(self.0.get_data(param).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contestants::Sizes;
    use crate::driver::{ANSWER, PARAM};
    use springline::payload::Typed;
    use springline::pyro::codec::pickle::Encoder;
    use springline::pyro::pyro3::write_call;
    use springline::{Output, Payload};

    #[test]
    fn the_limit_moves_as_many_bytes() {
        let (mut out, args) = (Output::new(), (PARAM,));
        let guid = "0".repeat(32);
        write_call(&mut out, false, &guid, "get_data", false, &Payload::borrowed(&args), None).unwrap();
        assert_eq!(out.buf.len(), Sizes::PYRO3.request_body as usize);
        out.clear();
        Payload::borrowed(&Typed(ANSWER)).encode(&mut Encoder::pyro3(&mut out)).unwrap();
        assert_eq!(out.buf.len(), Sizes::PYRO3.reply_body as usize);
    }

    #[tokio::test]
    async fn calls() {
        let daemon = Daemon::bind("127.0.0.1:0").await.unwrap();
        daemon.register("thing", ThingServer::new(Object)).unwrap();
        let addr: SocketAddr = daemon.address().to_string().parse().unwrap();
        assert_eq!(client(addr).unwrap().get_data(PARAM).await.unwrap(), ANSWER);
    }
}
