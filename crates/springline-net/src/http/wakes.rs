//! Wake-ups that a task makes to itself.
//!
//! hyper's parts talk through channels: whoever takes a body wakes the connection that reads it, whoever sends a request
//! wakes the connection that writes it. Where all of them are polled by one task, the runtime would queue that task once
//! more, look at the sockets in between, and poll it again. Here such a wake-up only means that `poll` is not over yet.

use std::sync::atomic::{AtomicU8, Ordering::AcqRel, Ordering::Acquire, Ordering::Release};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Nobody polls: wake-ups go on to the task.
const OUTSIDE: u8 = 0;
const INSIDE: u8 = 1;
/// Somebody polls, and a wake-up has come since.
const WOKEN: u8 = 2;

/// How often something is polled again within one `poll` of its task; then others have their turn.
const ROUNDS: usize = 4;

/// Stands between what is polled and the task that polls it.
#[derive(Debug)]
pub(super) struct Wakes {
    shared: Arc<Shared>,
    waker: Waker,
    /// The task that polled last, without the lock that the one in `shared` is under.
    last: Waker,
}

#[derive(Debug)]
struct Shared {
    state: AtomicU8,
    task: Mutex<Waker>,
}

impl Wakes {
    pub(super) fn new() -> Self {
        let last = Waker::noop().clone();
        let shared = Arc::new(Shared { state: AtomicU8::new(OUTSIDE), task: Mutex::new(last.clone()) });
        Self { waker: shared.clone().into(), shared, last }
    }

    /// Wakes the task that polls, or makes it poll once more.
    pub(super) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// What wakes from now on until the next [`poll`](Self::poll) is part of it: it finds that out by itself.
    pub(super) fn begin(&self) {
        self.shared.state.store(INSIDE, Release);
    }

    /// Polls, and again while it was woken meanwhile.
    pub(super) fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        if !self.last.will_wake(cx.waker()) {
            self.take_on(cx.waker());
        }
        let shared = &self.shared;
        for _ in 0..ROUNDS {
            shared.state.store(INSIDE, Release);
            let polled = poll(&mut Context::from_waker(&self.waker));
            let woken = shared.state.swap(OUTSIDE, AcqRel) == WOKEN;
            if polled.is_ready() || !woken {
                return polled;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Wakes {
    // Another task polls from now on.
    fn take_on(&mut self, task: &Waker) {
        self.last.clone_from(task);
        self.shared.task.lock().unwrap_or_else(PoisonError::into_inner).clone_from(task);
    }
}

impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.compare_exchange(INSIDE, WOKEN, AcqRel, Acquire).unwrap_or_else(|was| was) == OUTSIDE {
            // Not under the lock: nobody knows what it does.
            let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
            task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, AcqRel);
        }
    }

    #[test]
    fn wake_ups_from_within_are_rounds_and_others_go_on() {
        let count = Arc::new(Count::default());
        let task = Waker::from(count.clone());
        let mut cx = Context::from_waker(&task);
        let mut wakes = Wakes::new();
        let mut polls = 0;
        let mut kept = None;
        let polled = wakes.poll(&mut cx, |cx| {
            polls += 1;
            kept = Some(cx.waker().clone());
            if polls == 1 {
                cx.waker().wake_by_ref();
                cx.waker().wake_by_ref();
            }
            Poll::<()>::Pending
        });
        assert_eq!((polled, polls, count.0.load(Acquire)), (Poll::Pending, 2, 0));
        kept.clone().unwrap().wake();
        kept.clone().unwrap().wake();
        assert_eq!(count.0.load(Acquire), 2, "nobody was polling");
        // Announced: the poll that follows sees to it.
        wakes.begin();
        kept.clone().unwrap().wake();
        assert_eq!(count.0.load(Acquire), 2);
        assert_eq!(wakes.poll(&mut cx, |_| Poll::Ready(7)), Poll::Ready(7));
        kept.unwrap().wake();
        assert_eq!(count.0.load(Acquire), 3);
    }

    #[test]
    fn what_never_rests_lets_others_have_their_turn() {
        let count = Arc::new(Count::default());
        let task = Waker::from(count.clone());
        let mut polls = 0;
        let polled = Wakes::new().poll(&mut Context::from_waker(&task), |cx| {
            polls += 1;
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        assert_eq!((polled, polls, count.0.load(Acquire)), (Poll::Pending, ROUNDS, 1));
    }
}
