//! Streams that are passed on: what a gateway from Hessian to Hessian does with the methods that it is told of.

use std::fmt;
use std::sync::Arc;

use springline_core::component::methods;
use springline_core::{BoxFuture, Call, Error, ErrorKind, MethodInfo, Output, Reply, Result, Service};
use tokio::sync::oneshot;

use super::BinaryStream;
use super::exporter::Answer;
use super::streams::{Download, Upload, send, streamed};
use crate::client::{HessianProxy, Opened};
use crate::codec::Version;

/// A method whose stream goes on to the object behind it.
pub(super) struct Passed {
    service: Arc<dyn Service>,
    name: String,
}

impl Passed {
    /// A method that takes a stream, as in `store(name, data)`, and what is told of it.
    pub(super) fn upload(service: &Arc<dyn Service>, line: &str) -> Result<(MethodInfo, Self)> {
        let (told, passed) = Self::download(service, line)?;
        if told.params.is_empty() || told.params.iter().any(|param| param.optional) {
            let text = format!(
                "expected a method with all its parameters, the last of them the stream, as in store(name, data), found '{line}'"
            );
            return Err(Error::new(ErrorKind::Config, text));
        }
        Ok((told, passed))
    }

    /// A method that gives a stream, as in `fetch(name)`, and what is told of it.
    pub(super) fn download(service: &Arc<dyn Service>, line: &str) -> Result<(MethodInfo, Self)> {
        let told = methods("", [line])?.methods.first().cloned().unwrap_or_default();
        let passed = Self { service: service.clone(), name: told.name.clone().into_owned() };
        passed.proxy()?;
        Ok((told, passed))
    }

    // Asked for each call: configuration may exchange the object.
    fn proxy(&self) -> Result<Arc<HessianProxy>> {
        self.service.beside().and_then(|beside| beside.downcast().ok()).ok_or_else(|| {
            let text =
                format!("the stream of {}() goes on to a proxy of Hessian only, and the object is none", self.name);
            Error::new(ErrorKind::Config, text)
        })
    }
}

impl Upload for Passed {
    fn call<'a>(&'a self, call: &'a Call<'a>, stream: BinaryStream) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(async move { Ok(self.proxy()?.pass_upload(&self.name, call, stream).await?.into()) })
    }
}

impl Download for Passed {
    fn open<'a>(&'a self, call: &'a Call<'a>, version: Version) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(async move {
            let proxy = self.proxy()?;
            let mut request = Output::new();
            proxy.write(&mut request, &Call { method: &self.name, ..call.by_ref() })?;
            let options = call.options.clone();
            let (mut begun, begins) = oneshot::channel();
            // What is read borrows the proxy, and outlives this call.
            tokio::spawn(async move {
                let opened = tokio::select! {
                    opened = proxy.open(request.into(), &options) => opened,
                    // The caller has gone, or its time is over.
                    () = begun.closed() => return,
                };
                let (answer, stream) = match opened {
                    Ok(Opened::Stream(download)) => {
                        let (sender, response) = streamed();
                        (Ok(Answer::Response(response)), Some((sender, download)))
                    }
                    Ok(Opened::Other(result, ..)) => (Ok(Answer::Reply(result.into())), None),
                    Err(e) => (Err(e), None),
                };
                if begun.send(answer).is_ok()
                    && let Some((sender, download)) = stream
                {
                    send(sender, version, download).await;
                }
            });
            begins.await.map_err(|_| Error::new(ErrorKind::Internal, "a download ended before it began"))?
        })
    }
}

impl fmt::Debug for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passed({})", self.name)
    }
}
