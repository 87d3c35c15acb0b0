//! A stream as the last argument of a call.

use std::pin::pin;

use serde::de::DeserializeOwned;
use springline_core::{Args, Bytes, Call, CallOptions, Error, ErrorKind, Output, Payload, Reached, Result, Value};
use springline_net::http::{Body, BodySender};
use tokio::io::AsyncRead;

use super::HessianProxy;
use crate::chunks::{WAITING, broken, fill};
use crate::codec::{Part, push_chunk_head, write};
use crate::message::{finish_call, write_call_head};
use crate::{Dialect, mangle};

impl HessianProxy {
    /// Calls a method whose last parameter is a stream (`InputStream` in Java), which is sent as it is read and never held
    /// whole. `args` are those before it.
    ///
    /// ```no_run
    /// # async fn f(store: springline_hessian::client::HessianProxy) -> springline_core::Result<()> {
    /// let file = &b"as much as one likes"[..];
    /// let size: i64 = store.upload("upload", ("report.pdf",), file).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`call`](Self::call). [`ErrorKind::Encode`] where the stream cannot be read to its end: the call is broken off
    /// then, and the server sees no end of it.
    pub async fn upload<R: DeserializeOwned>(
        &self,
        method: &str,
        args: impl Args,
        data: impl AsyncRead + Send,
    ) -> Result<R> {
        let reply = self.send_upload(method, &Payload::borrowed(&args), data, &CallOptions::NONE).await?;
        self.read(&reply)
    }

    /// The same of another's call, for a gateway.
    pub(crate) async fn pass_upload(
        &self,
        method: &str,
        call: &Call<'_>,
        data: impl AsyncRead + Send,
    ) -> Result<Payload<'static>> {
        let reply = self.send_upload(method, &call.args, data, &call.options).await?;
        self.passed_on(&reply, &call.options)
    }

    async fn send_upload(
        &self,
        method: &str,
        args: &Payload<'_>,
        data: impl AsyncRead + Send,
        options: &CallOptions,
    ) -> Result<Bytes> {
        let head = self.upload_head(method, args).map_err(|e| self.unsent(e))?;
        let (sender, body) = Body::channel(WAITING);
        let mut exchange = pin!(self.exchange(body, options));
        let sending = pin!(send(sender, head, self.dialect(), data));
        tokio::select! {
            // The server may answer before it has taken all.
            reply = &mut exchange => reply,
            sent = sending => match sent {
                Ok(()) => exchange.await,
                // The body has failed, which ends the exchange; why is known here alone.
                Err(e) => {
                    let _ = exchange.await;
                    Err(e.with_reached(Reached::MaybeExecuted).with_endpoint(self.url()))
                }
            },
        }
    }

    // All that stands before the stream.
    fn upload_head(&self, method: &str, args: &Payload<'_>) -> Result<Vec<u8>> {
        let options = self.options();
        let args = args.to_value()?;
        let mangled = match options.overload {
            // Java's name for a stream comes last.
            true => Some(mangle::name(method, &args.clone().into())? + "_binary"),
            false => None,
        };
        let (Value::List(mut items) | Value::Tuple(mut items)) = args else {
            return Err(Error::encode("the arguments of a call must be a list"));
        };
        // A null in the stream's place, of one byte, so that the count is right.
        items.push(Value::Null);
        let args = Value::List(items);
        let mut out = Output::new();
        write_call_head(&mut out, options.dialect, mangled.as_deref().unwrap_or(method))?;
        write(options.dialect.call(), Part::Arguments, &mut out, &options.write, &mut |sink| args.write(sink))?;
        out.flatten(0);
        out.buf.pop();
        Ok(out.buf)
    }
}

async fn send(sender: BodySender, head: Vec<u8>, dialect: Dialect, data: impl AsyncRead + Send) -> Result<()> {
    let mut data = pin!(data);
    let mut piece = head;
    loop {
        let mut chunk = match fill(data.as_mut()).await {
            Ok(chunk) => chunk,
            Err(e) => {
                sender.fail(Error::new(ErrorKind::Encode, "the stream cannot be read")).await;
                return Err(broken(e));
            }
        };
        let last = chunk.is_empty();
        push_chunk_head(&mut piece, dialect.call(), chunk.len(), last)?;
        piece.append(&mut chunk);
        if last {
            let mut end = Output::new();
            finish_call(&mut end, dialect);
            piece.append(&mut end.buf);
        }
        // Nobody takes it any more once the server has answered.
        if sender.send(std::mem::take(&mut piece)).await.is_err() || last {
            return Ok(());
        }
    }
}
