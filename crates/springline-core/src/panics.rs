//! Panics of handlers, caught: they cost their caller an error and nobody else anything.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// A panic that was caught, as its text. The text is for logs: it is no business of peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panicked(pub String);

impl From<Box<dyn Any + Send>> for Panicked {
    fn from(panic: Box<dyn Any + Send>) -> Self {
        let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
        Self(text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default())
    }
}

/// Runs `f`.
///
/// ```
/// use springline_core::panics::{Panicked, catch};
/// assert_eq!(catch(|| 1), Ok(1));
/// assert_eq!(catch(|| panic!("oh")), Err::<(), _>(Panicked("oh".to_owned())));
/// ```
#[inline]
pub fn catch<T>(f: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(f)).map_err(Panicked::from)
}

/// A future that ends when the one in it ends or panics. It is not to be polled after that.
#[derive(Debug)]
pub struct Caught<F>(pub F);

impl<F: Future + Unpin> Future for Caught<F> {
    type Output = Result<F::Output, Panicked>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match catch(|| Pin::new(&mut self.0).poll(cx)) {
            Ok(polled) => polled.map(Ok),
            Err(panicked) => Poll::Ready(Err(panicked)),
        }
    }
}
