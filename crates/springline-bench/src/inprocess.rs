//! Whole calls within one process, for counting instructions: everything but the socket.

use crate::contestants::springline::{Object, Thing, ThingProxy, ThingRef, ThingServer};
use crate::driver::{ANSWER, PARAM};
use springline::pyro::Generation;
use springline::pyro::codec::msgpack;
use springline::service::{BoxFuture, Call, Reply, Service};
use springline::{Budget, Bytes, Output, Payload};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// What stands between the caller and the object.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    /// A `ThingRef` with the object itself behind it.
    Local,
    /// A proxy over a server: arguments and result change hands as values in memory.
    Service,
    /// The same, with arguments and result written to MessagePack and read again.
    Msgpack,
}

/// A caller of `get_data`.
pub struct Caller {
    thing: ThingRef,
}

impl Caller {
    /// Takes that way.
    #[must_use]
    pub fn new(way: Way) -> Self {
        let thing = match way {
            Way::Local => ThingRef::local(Object),
            Way::Service => ThingRef::local(ThingProxy::new(ThingServer::new(Object))),
            Way::Msgpack => ThingRef::local(ThingProxy::new(Recoded(ThingServer::new(Object)))),
        };
        Self { thing }
    }

    /// One call, to its end.
    ///
    /// # Panics
    /// When the answer is wrong.
    pub fn call(&self) {
        let future = pin!(self.thing.get_data(PARAM));
        let Poll::Ready(answer) = future.poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("nothing here waits");
        };
        assert_eq!(answer.ok().as_deref(), Some(ANSWER));
    }
}

/// Passes calls on in the form that they have on the wire.
struct Recoded<S>(S);

fn recoded(payload: &Payload<'_>) -> springline::Result<Payload<'static>> {
    let mut out = Output::new();
    payload.encode(&mut msgpack::Encoder::new(&mut out, Generation::Pyro5))?;
    Ok(Payload::wire(Bytes::from(out.to_vec()), 0, &msgpack::FORMAT, Budget::default()))
}

impl<S: Service> Service for Recoded<S> {
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, springline::Result<Reply>> {
        Box::pin(async move {
            let args = recoded(&call.args)?;
            let reply = self.0.call(&Call { args, ..call.by_ref() }).await?;
            Ok(Reply { result: recoded(&reply.result)?, ..reply })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_gives_the_answer() {
        for way in [Way::Local, Way::Service, Way::Msgpack] {
            Caller::new(way).call();
        }
    }
}
