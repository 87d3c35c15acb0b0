//! The forms that a call comes in: as a [`Call`], or typed, with nothing between its types and the bytes.

use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use springline_core::service::{BoxFuture, Call, CallKind, CallOptions, MethodInfo, Reply};
use springline_core::{Args, Output, Payload, Result};

use super::call::after;
use super::frame::Frame;
use super::link::Link;
use super::proxy::Inner;
use crate::serializer::{Arguments, Kwargs};
use crate::{Generation, Serializer};

/// What a request is written from.
pub(crate) trait Asked {
    fn method(&self) -> &str;
    fn options(&self) -> &CallOptions;
    fn kwargs(&self) -> Kwargs<'_>;
    fn args(&self) -> Payload<'_>;

    #[inline]
    fn write_args(&self, serializer: Serializer, generation: Generation, out: &mut Output) -> Result<()> {
        serializer.write_args(generation, out, &self.args())
    }
}

/// A call, and what it comes to.
pub(crate) trait Query<'a>: Asked + Copy + Unpin + 'a {
    type Output;

    /// Whether short replies may come as copies: where they are read at once.
    const TAKES_COPIES: bool;

    /// Whether it is a method's call without a deadline.
    fn is_usual(&self) -> bool;

    fn is_oneway(&self) -> bool;

    /// What a reply's frame comes to.
    fn read(&self, inner: &Inner, frame: Frame, link: &Link) -> Result<Self::Output>;

    /// The same of a reply that came the slow way; `None` of a oneway call.
    fn finish(&self, inner: &Inner, reply: Reply) -> Result<Self::Output>;

    /// The slow way.
    fn send(self, inner: &'a Arc<Inner>) -> BoxFuture<'a, Result<Reply>>;
}

impl Asked for &Call<'_> {
    #[inline]
    fn method(&self) -> &str {
        self.method
    }

    #[inline]
    fn options(&self) -> &CallOptions {
        &self.options
    }

    #[inline]
    fn kwargs(&self) -> Kwargs<'_> {
        self.kwargs.as_ref().map_or(Kwargs::None, Kwargs::Some)
    }

    #[inline]
    fn args(&self) -> Payload<'_> {
        self.args.by_ref()
    }
}

impl<'a> Query<'a> for &'a Call<'a> {
    type Output = Reply;

    const TAKES_COPIES: bool = false;

    #[inline]
    fn is_usual(&self) -> bool {
        self.kind == CallKind::Method && self.options.deadline.is_none()
    }

    #[inline]
    fn is_oneway(&self) -> bool {
        self.options.oneway
    }

    #[inline]
    fn read(&self, inner: &Inner, frame: Frame, link: &Link) -> Result<Reply> {
        inner.reply_of(frame.into_message()?, link)
    }

    #[inline]
    fn finish(&self, _: &Inner, reply: Reply) -> Result<Reply> {
        Ok(reply)
    }

    fn send(self, inner: &'a Arc<Inner>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(inner.send(self))
    }
}

/// A call of a method with given types.
pub(crate) struct Typed<'a, A, T> {
    info: &'static MethodInfo,
    args: &'a A,
    result: PhantomData<fn() -> T>,
}

impl<'a, A, T> Typed<'a, A, T> {
    #[inline]
    pub(crate) fn new(info: &'static MethodInfo, args: &'a A) -> Self {
        Self { info, args, result: PhantomData }
    }
}

impl<A, T> Clone for Typed<'_, A, T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<A, T> Copy for Typed<'_, A, T> {}

impl<A: Args, T> Asked for Typed<'_, A, T> {
    #[inline]
    fn method(&self) -> &str {
        &self.info.name
    }

    #[inline]
    fn options(&self) -> &CallOptions {
        static NONE: CallOptions = CallOptions::NONE;
        &NONE
    }

    #[inline]
    fn kwargs(&self) -> Kwargs<'_> {
        Kwargs::None
    }

    #[inline]
    fn args(&self) -> Payload<'_> {
        Payload::borrowed(self.args)
    }

    #[inline]
    fn write_args(&self, serializer: Serializer, generation: Generation, out: &mut Output) -> Result<()> {
        serializer.write_typed_args(generation, out, self.args)
    }
}

impl<'a, A: Args, T: DeserializeOwned + 'a> Query<'a> for Typed<'a, A, T> {
    type Output = T;

    const TAKES_COPIES: bool = true;

    #[inline]
    fn is_usual(&self) -> bool {
        self.info.kind == CallKind::Method
    }

    #[inline]
    fn is_oneway(&self) -> bool {
        self.info.oneway
    }

    #[inline]
    fn read(&self, inner: &Inner, frame: Frame, link: &Link) -> Result<T> {
        let budget = inner.budget;
        let read = match frame {
            // Of a oneway method nobody looks at the result.
            _ if self.info.oneway => return Reply::from(Payload::null()).read(self.info),
            Frame::Short(payload) => inner.config.serializer.read_short(payload.get(), budget),
            Frame::Long(message) => match inner.plain(&message) {
                Some((serializer, start, _)) => serializer.read_typed(after(message, start), budget),
                None => return inner.reply_of(message, link)?.read(self.info),
            },
        };
        read.map_err(|e| self.info.wrong_result(e))
    }

    #[inline]
    fn finish(&self, _: &Inner, reply: Reply) -> Result<T> {
        reply.read(self.info)
    }

    fn send(self, inner: &'a Arc<Inner>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(async move { inner.send(&Call::typed(self.info, self.args)).await })
    }
}

/// A request whose method and arguments were taken from a call of another kind.
pub(super) struct Plain<'a> {
    pub(super) method: &'a str,
    pub(super) arguments: &'a Arguments<'a>,
    pub(super) options: &'a CallOptions,
}

impl Asked for Plain<'_> {
    fn method(&self) -> &str {
        self.method
    }

    fn options(&self) -> &CallOptions {
        self.options
    }

    fn kwargs(&self) -> Kwargs<'_> {
        match self.arguments.kwargs {
            Kwargs::None => Kwargs::None,
            Kwargs::Null => Kwargs::Null,
            Kwargs::Some(kwargs) => Kwargs::Some(kwargs),
        }
    }

    fn args(&self) -> Payload<'_> {
        self.arguments.args.by_ref()
    }
}
