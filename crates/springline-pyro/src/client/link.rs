//! One connection of a proxy: requests go out in order, replies come back in the same order.
//!
//! A caller that is alone on the connection writes its request and reads its reply itself: no task, no channel, no
//! second wake-up. As soon as a second one comes, a driver task takes over until the connection is idle again: it
//! writes what all callers that were ready have left in the common buffer, reads, and hands out the replies. A caller
//! whose future is kept but not polled can therefore never hold up another.
//!
//! # Cancel safety
//! What was read and written lives in the link, not in the futures. A dropped call's request is taken back if none of it
//! was written, at once or before the next write; else its reply is awaited and thrown away by whoever reads next.
//!
//! # Runtimes
//! The socket and the driver belong to the runtime that the connection was made on. When that ends, the link is dead,
//! and calls of other runtimes go over a new one.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use springline_core::{Error, ErrorKind, Limits, Output, Reached, Result};
use springline_net::{Inbound, Outbound, Stream};
use tokio::runtime::Handle;

use crate::wire::{self, Header, MessageKind};

/// A reply as it came: its head and all its bytes.
pub(crate) type Frame = (Header, Bytes);

#[derive(Debug)]
pub(crate) struct Link {
    state: Mutex<State>,
    limits: Limits,
    runtime: Handle,
}

#[derive(Debug)]
struct State {
    stream: Stream,
    inbound: Inbound,
    outbound: Outbound,
    seq: u16,
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// Slots whose replies are to come, in order.
    expected: VecDeque<(u16, usize)>,
    /// Oneway requests that are not yet written.
    unwritten: Vec<usize>,
    /// Slots in use, those of dropped calls included.
    live: usize,
    /// Whether there are dropped requests of which nothing was written yet.
    withdrawn: bool,
    driver: Driver,
    /// Once set, the link is of no more use.
    dead: Option<(ErrorKind, String)>,
    /// No new calls: a deadline passed, so that the next reply may take long.
    retired: bool,
}

/// Who moves the bytes.
#[derive(Debug)]
enum Driver {
    /// There is no task yet: the one caller does it.
    None,
    /// The task sleeps: the one caller does it. The waker wakes the task.
    Asleep(Waker),
    /// The task was asked to work and has not begun.
    Called,
    /// The task works; the waker makes it look at the buffer again.
    Awake(Waker),
}

#[derive(Debug, Default)]
struct Slot {
    waker: Option<Waker>,
    outcome: Outcome,
    /// Where in the stream of all bytes the request begins and ends.
    begins: u64,
    ends: u64,
    oneway: bool,
}

#[derive(Debug, Default)]
enum Outcome {
    #[default]
    Free,
    Waiting,
    /// The caller is gone.
    Dropped,
    Done(Frame),
    /// A oneway request was written.
    Sent,
}

impl Link {
    /// Must be called on the runtime that `stream` belongs to.
    pub(crate) fn new(stream: Stream, limits: Limits, seq: u16) -> Self {
        let state = State {
            stream,
            inbound: Inbound::default(),
            outbound: Outbound::default(),
            seq,
            slots: Vec::new(),
            free: Vec::new(),
            expected: VecDeque::new(),
            unwritten: Vec::new(),
            live: 0,
            withdrawn: false,
            driver: Driver::None,
            dead: None,
            retired: false,
        };
        Self { state: Mutex::new(state), limits, runtime: Handle::current() }
    }

    // A panic while the lock was held (in a caller's Serialize) leaves half a request behind: the link is lost.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| {
            let mut state = poisoned.into_inner();
            state.die(ErrorKind::Internal, "a panic while a request was being written");
            state
        })
    }

    /// Calls in progress. `None` when the link takes no new ones.
    pub(crate) fn load(&self) -> Option<usize> {
        let mut state = self.lock();
        if state.dead.is_some() || state.retired {
            return None;
        }
        if state.is_unwatched() {
            state.look_around(&self.limits);
            if state.dead.is_some() {
                return None;
            }
        }
        Some(state.live)
    }

    /// Takes no new calls from now on; those in progress go on.
    pub(crate) fn retire(&self) {
        self.lock().retired = true;
    }

    /// Sends one request, which `write` appends with the sequence number it is given, and waits for the reply (or, for
    /// a oneway request, until it is written).
    pub(crate) fn exchange(
        self: Arc<Self>,
        oneway: bool,
        write: impl FnOnce(&mut Output, u16) -> Result<()>,
    ) -> Result<Exchange> {
        let mut new_driver = false;
        let mut guard = self.lock();
        let state = &mut *guard;
        if let Some((_, why)) = &state.dead {
            return Err(Error::new(ErrorKind::Closed, why.clone()));
        }
        let seq = state.seq.wrapping_add(1);
        let begins = state.outbound.total_queued();
        write(&mut state.outbound.output, seq)?;
        state.seq = seq;
        let ends = state.outbound.total_queued();
        let index = state.insert(Slot { waker: None, outcome: Outcome::Waiting, begins, ends, oneway });
        if oneway {
            state.unwritten.push(index);
        } else {
            state.expected.push_back((seq, index));
        }
        if state.live > 1 || matches!(state.driver, Driver::Awake(_)) {
            match &state.driver {
                Driver::None => {
                    state.driver = Driver::Called;
                    new_driver = true;
                }
                Driver::Called => {}
                Driver::Asleep(waker) | Driver::Awake(waker) => {
                    waker.wake_by_ref();
                    state.driver = Driver::Called;
                }
            }
        }
        drop(guard);
        if new_driver {
            // Without the lock: a runtime that is shutting down drops the task at once, and the task then takes it.
            self.runtime.spawn(drive(Driving(Arc::downgrade(&self))));
        }
        Ok(Exchange { link: self, index, finished: false })
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Driver::Asleep(waker) | Driver::Awake(waker) = std::mem::replace(&mut state.driver, Driver::None) {
            waker.wake(); // it finds the link gone, and ends
        }
    }
}

/// What the driver task holds of its link. Without the task nobody would answer the callers any more.
struct Driving(Weak<Link>);

impl Drop for Driving {
    fn drop(&mut self) {
        if let Some(link) = self.0.upgrade() {
            link.lock().die(ErrorKind::Closed, "the runtime that the connection was made on has ended");
        }
    }
}

// The driver task: works while there are calls, sleeps while the connection is idle or used by one caller.
async fn drive(driving: Driving) {
    poll_fn(|cx| {
        let Some(link) = driving.0.upgrade() else { return Poll::Ready(()) };
        let mut guard = link.lock();
        let state = &mut *guard;
        if state.dead.is_none() {
            let _ = state.flush(cx, &link.limits);
        }
        if state.dead.is_none() && !state.expected.is_empty() {
            state.read(None, cx, &link.limits);
        }
        if state.dead.is_some() {
            return Poll::Ready(());
        }
        let idle = state.expected.is_empty() && state.outbound.pending() == 0;
        let waker = cx.waker().clone();
        state.driver = if idle { Driver::Asleep(waker) } else { Driver::Awake(waker) };
        Poll::Pending
    })
    .await;
}

impl State {
    fn insert(&mut self, slot: Slot) -> usize {
        self.live += 1;
        match self.free.pop() {
            Some(index) => {
                if let Some(place) = self.slots.get_mut(index) {
                    *place = slot;
                }
                index
            }
            None => {
                self.slots.push(slot);
                self.slots.len() - 1
            }
        }
    }

    fn remove(&mut self, index: usize) -> Outcome {
        let Some(slot) = self.slots.get_mut(index) else { return Outcome::Free };
        slot.waker = None;
        self.free.push(index);
        self.live -= 1;
        std::mem::take(&mut slot.outcome)
    }

    fn outcome(&self, index: usize) -> &Outcome {
        self.slots.get(index).map_or(&Outcome::Free, |s| &s.outcome)
    }

    fn die(&mut self, kind: ErrorKind, why: impl Into<String>) {
        if self.dead.is_none() {
            self.dead = Some((kind, why.into()));
        }
        for slot in &mut self.slots {
            if let Some(waker) = slot.waker.take() {
                waker.wake();
            }
        }
    }

    // Whether nobody waits for the stream: it is idle, or all its calls were dropped.
    fn is_unwatched(&self) -> bool {
        matches!(self.driver, Driver::None | Driver::Asleep(_))
            && self.expected.iter().map(|(_, i)| *i).chain(self.unwritten.iter().copied()).all(|i| self.is_dropped(i))
    }

    fn is_dropped(&self, index: usize) -> bool {
        matches!(self.outcome(index), Outcome::Dropped)
    }

    // Has the peer closed? An idle connection has nothing to read but its end, or bytes that nobody asked for; an
    // abandoned one the replies of dropped calls too.
    fn look_around(&mut self, limits: &Limits) {
        let mut cx = Context::from_waker(Waker::noop());
        if self.stream.poll_read_ready(&mut cx).is_pending() {
            return;
        }
        if !self.expected.is_empty() {
            self.read(None, &mut cx, limits);
        }
        if !self.expected.is_empty() || self.dead.is_some() {
            return;
        }
        if self.inbound.poll_fill(&mut self.stream, &mut cx, 0).is_ready() {
            self.die(ErrorKind::Closed, "closed by the peer while idle");
        }
    }

    fn flush(&mut self, cx: &mut Context<'_>, limits: &Limits) -> Poll<()> {
        if self.withdrawn {
            self.withdraw();
        }
        if self.outbound.pending() == 0 {
            return Poll::Ready(());
        }
        let polled = self.outbound.poll_flush(&mut self.stream, cx);
        if !self.unwritten.is_empty() {
            self.mark_sent();
        }
        match polled {
            Poll::Ready(Ok(())) => Poll::Ready(()),
            Poll::Ready(Err(e)) => {
                // What the peer said before it closed is there to be read.
                if !self.expected.is_empty() {
                    self.read(None, cx, limits);
                }
                self.die(ErrorKind::Closed, format!("the connection broke while writing: {e}"));
                Poll::Ready(())
            }
            Poll::Pending => Poll::Pending,
        }
    }

    // Takes the requests of dropped calls out of what is yet to be written.
    fn withdraw(&mut self) {
        self.withdrawn = false;
        let written = self.outbound.total_written();
        let queued = self.expected.iter().map(|(_, i)| *i).chain(self.unwritten.iter().copied());
        let mut queued: Vec<usize> =
            queued.filter(|i| self.slots.get(*i).is_some_and(|slot| slot.begins >= written)).collect();
        queued.sort_unstable_by_key(|i| self.slots.get(*i).map(|slot| slot.begins));
        let (mut cuts, mut gone, mut removed) = (Vec::new(), Vec::new(), 0);
        for index in queued {
            let Some(slot) = self.slots.get_mut(index) else { continue };
            let (begins, ends) = (slot.begins, slot.ends);
            (slot.begins, slot.ends) = (begins - removed, ends - removed);
            if matches!(slot.outcome, Outcome::Dropped) {
                removed += ends - begins;
                cuts.push(begins..ends);
                gone.push(index);
            }
        }
        self.outbound.cut(&cuts);
        gone.sort_unstable();
        let kept = |i: &usize| gone.binary_search(i).is_err();
        self.expected.retain(|(_, i)| kept(i));
        self.unwritten.retain(kept);
        gone.iter().for_each(|i| drop(self.remove(*i)));
    }

    fn mark_sent(&mut self) {
        let written = self.outbound.total_written();
        let mut waiting = std::mem::take(&mut self.unwritten);
        waiting.retain(|&index| {
            let Some(slot) = self.slots.get_mut(index).filter(|s| s.ends <= written) else { return true };
            if matches!(slot.outcome, Outcome::Dropped) {
                self.remove(index);
            } else {
                slot.outcome = Outcome::Sent;
                if let Some(waker) = slot.waker.take() {
                    waker.wake();
                }
            }
            false
        });
        self.unwritten = waiting;
    }

    // Reads until `me` (for the driver: everybody) has the reply, or there is nothing more to read.
    fn read(&mut self, me: Option<usize>, cx: &mut Context<'_>, limits: &Limits) {
        loop {
            let need = match self.deliver(limits) {
                Ok(need) => need,
                Err(e) => return self.die(e.kind(), e.message().to_owned()),
            };
            let done = match me {
                Some(me) => !matches!(self.outcome(me), Outcome::Waiting),
                None => self.expected.is_empty(),
            };
            if done {
                return;
            }
            match self.inbound.poll_fill(&mut self.stream, cx, need) {
                Poll::Pending => return,
                Poll::Ready(Ok(0)) => return self.die(ErrorKind::Closed, "the peer closed the connection"),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(e)) => {
                    return self.die(ErrorKind::Closed, format!("the connection broke while reading: {e}"));
                }
            }
        }
    }

    // Hands out all replies that are complete; gives how long the next one will be, as far as that is known.
    fn deliver(&mut self, limits: &Limits) -> Result<usize> {
        loop {
            let Some(header) = wire::parse_header(self.inbound.bytes())? else { return Ok(0) };
            let len = header.message_len();
            limits.check_message(len)?;
            if self.inbound.bytes().len() < len {
                return Ok(len);
            }
            let frame = self.inbound.take(len);
            let unexpected = |what: String| Error::new(ErrorKind::Protocol, what);
            let (seq, index) = self
                .expected
                .pop_front()
                .ok_or_else(|| unexpected(format!("the peer sent a {:?} that nobody asked for", header.kind)))?;
            if header.seq != seq || !matches!(header.kind, MessageKind::Result | MessageKind::Ping) {
                let found = (header.kind, header.seq);
                return Err(unexpected(format!(
                    "expected the reply to request {seq}, found {:?} {}",
                    found.0, found.1
                )));
            }
            if matches!(self.outcome(index), Outcome::Dropped) {
                self.remove(index);
                continue;
            }
            let Some(slot) = self.slots.get_mut(index) else { continue };
            slot.outcome = Outcome::Done((header, frame));
            if let Some(waker) = slot.waker.take() {
                waker.wake();
            }
        }
    }

    // What a caller is told when the link died under its call.
    fn obituary(&self, index: usize) -> Error {
        let (kind, why) = self.dead.clone().unwrap_or((ErrorKind::Closed, "the connection is closed".to_owned()));
        let reached = self.reached(index);
        // What was wrong with somebody else's reply is to this call no more than a connection that ended.
        let kind = if reached == Reached::NotSent { ErrorKind::Closed } else { kind };
        Error::new(kind, why).with_reached(reached)
    }

    // Whether some of the request was written.
    fn begun(&self, index: usize) -> bool {
        self.slots.get(index).is_some_and(|slot| slot.begins < self.outbound.total_written())
    }

    fn reached(&self, index: usize) -> Reached {
        let written = self.outbound.total_written();
        match self.slots.get(index) {
            Some(slot) if slot.ends > written => Reached::NotSent,
            _ => Reached::MaybeExecuted,
        }
    }

    // Takes a request back out of the buffer: only the last one, and only if none of it was written.
    fn take_back(&mut self, index: usize) -> bool {
        let Some(slot) = self.slots.get(index) else { return false };
        let waiting = matches!(slot.outcome, Outcome::Waiting);
        if !waiting || slot.ends != self.outbound.total_queued() || slot.begins < self.outbound.total_written() {
            return false;
        }
        if !self.outbound.take_back_tail((slot.ends - slot.begins) as usize) {
            return false;
        }
        if self.expected.back().is_some_and(|(_, i)| *i == index) {
            self.expected.pop_back();
        }
        self.seq = self.seq.wrapping_sub(1);
        self.unwritten.retain(|i| *i != index);
        true
    }
}

/// A request on its way. `Ok(None)` for a oneway request that was written.
pub(crate) struct Exchange {
    link: Arc<Link>,
    index: usize,
    finished: bool,
}

impl Exchange {
    /// The connection that it is on.
    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// For a caller that waits no longer: how far its request got. If any of it was written, the link takes no new
    /// calls, which would have to wait behind it.
    pub(crate) fn give_up(&self) -> Reached {
        let mut state = self.link.lock();
        state.retired |= state.begun(self.index);
        state.reached(self.index)
    }
}

impl Future for Exchange {
    type Output = Result<Option<Frame>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let me = self.index;
        let mut guard = self.link.lock();
        let state = &mut *guard;
        if state.dead.is_none() && matches!(state.driver, Driver::None | Driver::Asleep(_)) {
            let written = state.flush(cx, &self.link.limits).is_ready();
            // Reading while the write is stuck keeps two sides with full buffers from waiting for each other.
            let reads = matches!(state.outcome(me), Outcome::Waiting) && !state.slots.get(me).is_some_and(|s| s.oneway);
            if state.dead.is_none() && (reads || !written && !state.expected.is_empty()) {
                state.read(Some(me), cx, &self.link.limits);
            }
        }
        if matches!(state.outcome(me), Outcome::Done(_) | Outcome::Sent) {
            let outcome = state.remove(me);
            drop(guard);
            self.finished = true;
            return Poll::Ready(Ok(match outcome {
                Outcome::Done(frame) => Some(frame),
                _ => None,
            }));
        }
        if state.dead.is_some() {
            return Poll::Ready(Err(state.obituary(me)));
        }
        if let Some(slot) = state.slots.get_mut(me) {
            match &slot.waker {
                Some(waker) if waker.will_wake(cx.waker()) => {}
                _ => slot.waker = Some(cx.waker().clone()),
            }
        }
        Poll::Pending
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        let mut guard = self.link.lock();
        let state = &mut *guard;
        let me = self.index;
        if state.take_back(me) || !matches!(state.outcome(me), Outcome::Waiting) {
            state.remove(me);
            return;
        }
        state.withdrawn |= !state.begun(me);
        if let Some(slot) = state.slots.get_mut(me) {
            slot.waker = None;
            slot.outcome = Outcome::Dropped;
        }
        if state.dead.is_none() && matches!(state.driver, Driver::None | Driver::Asleep(_)) {
            // Half a request is written and nobody else is there: push on what goes now, the next caller does the rest.
            let _ = state.flush(&mut Context::from_waker(Waker::noop()), &self.link.limits);
        }
    }
}
