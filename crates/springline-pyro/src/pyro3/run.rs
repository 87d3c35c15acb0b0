//! Calls of the usual kind: what was called before, with scalars. Their arguments are read where they lie in the buffer, and
//! the result is written from where the handler left it.

use std::sync::Arc;

use springline_core::remote::exception_of;
use springline_core::service::{CallOptions, Calls, Metadata, NextCall, Reply, Service};
use springline_core::{Encode, Error, ErrorKind, Output, Payload, Peer, Result};
use tracing::debug;

use super::daemon::{Line, Shared, is_of_every_object};
use super::plain;
use super::wire;
use crate::daemon::{panicked, serving};
use crate::fault::told;

/// An object, as it was looked up.
pub(super) struct Found {
    pub(super) guid: String,
    pub(super) service: Arc<dyn Service>,
    /// Of the registry; another one means that something has changed.
    pub(super) epoch: u64,
}

/// The one call that is being served.
struct Once<'r> {
    shared: &'r Shared,
    out: &'r mut Output,
    method: &'r str,
    args: Option<Payload<'r>>,
    options: CallOptions,
    /// What came of writing the answer.
    answered: Option<Result<()>>,
}

impl Calls for Once<'_> {
    fn next(&mut self) -> Option<NextCall<'_>> {
        Some(NextCall { method: self.method, args: self.args.take()?, options: &self.options })
    }

    fn done(&mut self, result: Result<Reply>) {
        self.answered = Some(match result {
            Ok(reply) => self.shared.reply(self.out, |sink| reply.result.encode(sink)),
            Err(e) => self.shared.tell(self.out, exception_of(e), true),
        });
    }

    fn answer(&mut self, result: &(dyn Encode + Sync), _: Option<Box<Metadata>>) {
        self.answered = Some(self.shared.reply(self.out, |sink| result.encode(sink)));
    }
}

impl Shared {
    /// Serves the request that the buffer begins with, if it is of the usual kind. Gives whether it was.
    ///
    /// # Errors
    /// When an answer cannot be written at all.
    pub(super) async fn serve_again(&self, line: &mut Line<'_>, found: &Found, peer: &Arc<Peer>) -> Result<bool> {
        let limits = &self.config.limits;
        let Ok(Some(header)) = wire::parse_header(line.inbound.bytes()) else { return Ok(false) };
        let len = header.frame_len();
        let fits = header.is_plain()
            && line.inbound.bytes().len() >= len
            && limits.check_message(len).is_ok()
            && found.epoch == self.registry.epoch();
        if !fits {
            return Ok(false);
        }
        line.inbound.settle();
        let message = line.inbound.piece();
        let Some(call) = message.get(..len).and_then(|frame| plain::call(frame, wire::HEADER)) else {
            return Ok(false);
        };
        if call.object != found.guid || is_of_every_object(call.method) {
            return Ok(false);
        }
        debug!(object = %call.object, method = %call.method, peer = %peer.address, "call");
        let mut options = CallOptions::NONE;
        options.peer = Some(peer.clone());
        let mut once = Once {
            shared: self,
            out: &mut line.outbound.output,
            method: call.method,
            args: Some(Payload::lent(message, call.args_at, &plain::FORMAT, limits.budget())),
            options,
            answered: None,
        };
        let panic = serving(&*found.service, &mut once).await.err();
        let answered = once.answered.take().unwrap_or_else(|| {
            let unanswered = || told::unsent(Error::new(ErrorKind::Internal, "the service gave no answer"));
            self.tell(once.out, panic.map_or_else(unanswered, panicked), true)
        });
        drop(once);
        answered?;
        line.inbound.pass(len);
        Ok(true)
    }
}
