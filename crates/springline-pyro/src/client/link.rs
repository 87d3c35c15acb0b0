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
use std::ops::Deref;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use springline_core::{Error, ErrorKind, Limits, Output, Reached, Result};
use springline_net::{Inbound, Outbound, Stream};
use tokio::runtime::Handle;

use super::call::WrittenFrame;
use super::frame::{Frame, Short, header_of};
use crate::plain::PlainHead;
use crate::wire::{self, Header, MessageKind, Version};

/// What a request has come to: `None` for a oneway request that was written.
pub(crate) type Outcoming = Poll<Result<Option<Frame>>>;

#[derive(Debug)]
pub(crate) struct Link {
    state: Mutex<State>,
    /// The proxy gives it no more calls; a hint that is read without the lock.
    left: AtomicBool,
    limits: Limits,
    runtime: Handle,
    /// Of the wire.
    pub(crate) version: Version,
    /// The methods that the daemon does not answer.
    pub(crate) oneway: Vec<String>,
}

#[derive(Debug)]
struct State {
    /// Gone once the link is closed.
    stream: Option<Stream>,
    inbound: Inbound,
    outbound: Outbound,
    seq: u16,
    /// How the last call was written.
    written: Option<WrittenFrame>,
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
    /// Its proxy has let go of it: it is closed as soon as nobody waits for a reply.
    left: bool,
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
    /// Kept when the slot becomes free: its next caller is often the same task.
    waker: Option<Waker>,
    outcome: Outcome,
    /// Where in the stream of all bytes the request begins and ends.
    begins: u64,
    ends: u64,
    oneway: bool,
    /// The number of the serializer whose short results may be handed over as copies; 0 where none.
    copies: u8,
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

impl Slot {
    #[inline]
    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}

impl Link {
    /// Must be called on the runtime that `stream` belongs to.
    pub(crate) fn new(stream: Stream, limits: Limits, version: Version, seq: u16) -> Self {
        let state = State {
            written: None,
            stream: Some(stream),
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
            left: false,
        };
        Self {
            state: Mutex::new(state),
            left: AtomicBool::new(false),
            limits,
            runtime: Handle::current(),
            version,
            oneway: Vec::new(),
        }
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
        state.takes_calls(&self.limits).then_some(state.live)
    }

    /// Takes no new calls from now on; those in progress go on.
    pub(crate) fn retire(&self) {
        self.lock().retired = true;
    }

    /// The same for a link that is closed when those in progress are done.
    pub(crate) fn leave(&self) {
        self.left.store(true, Relaxed);
        let mut state = self.lock();
        (state.retired, state.left) = (true, true);
        state.close_if_left();
    }

    /// Whether it was left.
    #[inline]
    pub(crate) fn is_left(&self) -> bool {
        self.left.load(Relaxed)
    }

    /// Sends one request, which `write` appends with the sequence number it is given, and waits for the reply (or, for
    /// a oneway request, until it is written).
    pub(crate) fn exchange(
        self: Arc<Self>,
        oneway: bool,
        write: impl FnOnce(&mut Output, &mut Option<WrittenFrame>, u16) -> Result<()>,
    ) -> Result<Exchange<'static>> {
        let mut state = self.lock();
        let (index, new_driver) = state.begin(oneway, 0, write)?;
        drop(state);
        if new_driver {
            self.drive();
        }
        Ok(Exchange { link: Held::Shared(self), index, finished: false })
    }

    /// The same with the exchange's first poll, under one lock. `None` when the link takes no new calls.
    #[inline]
    pub(crate) fn start<'l>(
        link: Held<'l>,
        oneway: bool,
        copies: u8,
        cx: &mut Context<'_>,
        write: impl FnOnce(&mut Output, &mut Option<WrittenFrame>, u16) -> Result<()>,
    ) -> Result<Option<(Exchange<'l>, Outcoming)>> {
        let mut state = link.lock();
        if !state.takes_calls(&link.limits) {
            return Ok(None);
        }
        let (index, new_driver) = state.begin(oneway, copies, write)?;
        let polled = state.poll(index, cx, &link.limits);
        drop(state);
        if new_driver {
            link.drive();
        }
        let finished = matches!(polled, Poll::Ready(Ok(_)));
        Ok(Some((Exchange { link, index, finished }, polled)))
    }

    // Not while the lock is held: a runtime that is shutting down drops the task at once, and the task then takes it.
    #[cold]
    fn drive(self: &Arc<Self>) {
        self.runtime.spawn(drive(Driving(Arc::downgrade(self))));
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // It finds the link gone, and ends.
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner).wake_driver();
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
        state.close_if_left();
        if state.dead.is_some() {
            return Poll::Ready(());
        }
        let idle = state.expected.is_empty() && state.outbound.is_flushed();
        let waker = cx.waker().clone();
        state.driver = if idle { Driver::Asleep(waker) } else { Driver::Awake(waker) };
        Poll::Pending
    })
    .await;
}

impl State {
    // Whether new calls may begin.
    #[inline]
    fn takes_calls(&mut self, limits: &Limits) -> bool {
        if self.dead.is_none() && !self.retired && self.is_unwatched() {
            self.look_around(limits);
        }
        self.dead.is_none() && !self.retired
    }

    // Appends a request. Gives its slot, and whether there must be a new driver.
    #[inline]
    fn begin(
        &mut self,
        oneway: bool,
        copies: u8,
        write: impl FnOnce(&mut Output, &mut Option<WrittenFrame>, u16) -> Result<()>,
    ) -> Result<(usize, bool)> {
        if let Some((_, why)) = &self.dead {
            return Err(Error::new(ErrorKind::Closed, why.clone()));
        }
        let seq = self.seq.wrapping_add(1);
        let begins = self.outbound.total_queued();
        write(&mut self.outbound.output, &mut self.written, seq)?;
        self.seq = seq;
        let ends = self.outbound.total_queued();
        let index = self.insert(begins, ends, oneway, copies);
        if oneway {
            self.unwritten.push(index);
        } else {
            self.expected.push_back((seq, index));
        }
        if self.live > 1 || matches!(self.driver, Driver::Awake(_)) {
            match &self.driver {
                Driver::None => {
                    self.driver = Driver::Called;
                    return Ok((index, true));
                }
                Driver::Called => {}
                Driver::Asleep(waker) | Driver::Awake(waker) => {
                    waker.wake_by_ref();
                    self.driver = Driver::Called;
                }
            }
        }
        Ok((index, false))
    }

    // Does for the request what is to be done, and looks what has become of it.
    #[inline]
    fn poll(&mut self, me: usize, cx: &mut Context<'_>, limits: &Limits) -> Outcoming {
        if self.dead.is_none() && matches!(self.driver, Driver::None | Driver::Asleep(_)) {
            self.work(me, cx, limits);
        }
        let dead = self.dead.is_some();
        let Some(slot) = self.slots.get_mut(me) else { return Poll::Ready(Err(self.obituary(me))) };
        match &slot.outcome {
            Outcome::Done(_) | Outcome::Sent => {}
            _ if dead => return Poll::Ready(Err(self.obituary(me))),
            _ => {
                match &slot.waker {
                    Some(waker) if waker.will_wake(cx.waker()) => {}
                    _ => slot.waker = Some(cx.waker().clone()),
                }
                return Poll::Pending;
            }
        }
        match self.remove(me) {
            Outcome::Done(frame) => Poll::Ready(Ok(Some(frame))),
            Outcome::Sent => Poll::Ready(Ok(None)),
            _ => Poll::Ready(Err(self.obituary(me))),
        }
    }

    // Writes and reads in place of the driver.
    fn work(&mut self, me: usize, cx: &mut Context<'_>, limits: &Limits) {
        let written = self.flush(cx, limits).is_ready();
        // Reading while the write is stuck keeps two sides with full buffers from waiting for each other.
        let reads = matches!(self.outcome(me), Outcome::Waiting) && !self.slots.get(me).is_some_and(|s| s.oneway);
        if self.dead.is_none() && (reads || !written && !self.expected.is_empty()) {
            self.read(Some(me), cx, limits);
        }
    }

    #[inline]
    fn insert(&mut self, begins: u64, ends: u64, oneway: bool, copies: u8) -> usize {
        self.live += 1;
        if let Some(index) = self.free.pop()
            && let Some(slot) = self.slots.get_mut(index)
        {
            slot.outcome = Outcome::Waiting;
            (slot.begins, slot.ends, slot.oneway, slot.copies) = (begins, ends, oneway, copies);
            return index;
        }
        self.slots.push(Slot { waker: None, outcome: Outcome::Waiting, begins, ends, oneway, copies });
        self.slots.len() - 1
    }

    #[inline]
    fn remove(&mut self, index: usize) -> Outcome {
        let Some(slot) = self.slots.get_mut(index) else { return Outcome::Free };
        let outcome = std::mem::take(&mut slot.outcome);
        self.live -= 1;
        if self.live == 0 {
            // An idle link holds on to nobody's task.
            self.slots.clear();
            self.free.clear();
        } else {
            self.free.push(index);
        }
        outcome
    }

    fn outcome(&self, index: usize) -> &Outcome {
        self.slots.get(index).map_or(&Outcome::Free, |s| &s.outcome)
    }

    fn die(&mut self, kind: ErrorKind, why: impl Into<String>) {
        if self.dead.is_none() {
            self.dead = Some((kind, why.into()));
        }
        for slot in &mut self.slots {
            if let Some(waker) = slot.waker.take().filter(|_| !matches!(slot.outcome, Outcome::Free)) {
                waker.wake();
            }
        }
    }

    // Closes a link that the proxy has left and whose callers are all served or gone.
    #[inline]
    fn close_if_left(&mut self) {
        if self.left && self.slots.iter().all(|slot| matches!(slot.outcome, Outcome::Free | Outcome::Dropped)) {
            self.close();
        }
    }

    #[cold]
    fn close(&mut self) {
        self.die(ErrorKind::Closed, "the connection was released");
        self.stream = None;
        (self.inbound, self.outbound) = (Inbound::default(), Outbound::default());
        (self.slots, self.free, self.expected, self.unwritten) = Default::default();
        self.live = 0;
        self.wake_driver(); // it finds the link dead, and ends
    }

    fn wake_driver(&mut self) {
        if let Driver::Asleep(waker) | Driver::Awake(waker) = std::mem::replace(&mut self.driver, Driver::None) {
            waker.wake();
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
        if !self.stream.as_ref().is_some_and(Stream::is_readable) {
            return;
        }
        let mut cx = Context::from_waker(Waker::noop());
        if !self.expected.is_empty() {
            self.read(None, &mut cx, limits);
        }
        if !self.expected.is_empty() || self.dead.is_some() {
            return;
        }
        let Some(stream) = &mut self.stream else { return };
        if self.inbound.poll_fill(stream, &mut cx, 0).is_ready() {
            self.die(ErrorKind::Closed, "closed by the peer while idle");
        }
    }

    fn flush(&mut self, cx: &mut Context<'_>, limits: &Limits) -> Poll<()> {
        if self.withdrawn {
            self.withdraw();
        }
        if self.outbound.is_flushed() {
            return Poll::Ready(());
        }
        let Some(stream) = &mut self.stream else { return Poll::Ready(()) };
        let polled = self.outbound.poll_flush(stream, cx);
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
                slot.wake();
            }
            false
        });
        self.unwritten = waiting;
    }

    // Reads until `me` (for the driver: everybody) has the reply, or there is nothing more to read.
    fn read(&mut self, me: Option<usize>, cx: &mut Context<'_>, limits: &Limits) {
        loop {
            let need = match self.deliver(me, limits) {
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
            let Some(stream) = &mut self.stream else { return };
            match self.inbound.poll_fill(stream, cx, need) {
                Poll::Pending => return,
                Poll::Ready(Ok(0)) => return self.die(ErrorKind::Closed, "the peer closed the connection"),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(e)) => {
                    return self.die(ErrorKind::Closed, format!("the connection broke while reading: {e}"));
                }
            }
        }
    }

    // Hands out all replies that are complete; gives how long the next one will be, as far as that is known. `me` is at
    // work here and needs no waking, which would cost its runtime another round.
    fn deliver(&mut self, me: Option<usize>, limits: &Limits) -> Result<usize> {
        loop {
            let bytes = self.inbound.bytes();
            let mut numbered = true;
            let (seq, answers, len, plain) = match PlainHead::of(bytes) {
                Some(h) => {
                    (h.seq(), matches!(h.kind(), PlainHead::RESULT | PlainHead::PING), h.message_len(), h.serializer())
                }
                None => match wire::parse_header(bytes)? {
                    Some(h) => {
                        numbered = h.version != Version::V40;
                        (h.seq, matches!(h.kind, MessageKind::Result | MessageKind::Ping), h.message_len(), 0)
                    }
                    None => return Ok(0),
                },
            };
            limits.check_message(len)?;
            if bytes.len() < len {
                return Ok(len);
            }
            let expected = self.expected.pop_front();
            let Some((_, index)) = expected.filter(|(expected, _)| (*expected == seq || !numbered) && answers) else {
                return Err(unexpected(&header_of(bytes)?, expected));
            };
            let slot = self.slots.get_mut(index).filter(|slot| !matches!(slot.outcome, Outcome::Dropped));
            let Some(slot) = slot else {
                self.inbound.pass(len);
                self.remove(index);
                continue;
            };
            let copy = match bytes.get(PlainHead::LEN..) {
                Some(payload) if plain == slot.copies && plain != 0 => Short::new(payload, len - PlainHead::LEN),
                _ => None,
            };
            let frame = match copy {
                Some(copy) => {
                    self.inbound.pass(len);
                    Frame::Short(copy)
                }
                None => Frame::Long(self.inbound.take(len)),
            };
            slot.outcome = Outcome::Done(frame);
            if me != Some(index) {
                slot.wake();
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

#[cold]
fn unexpected(header: &Header, expected: Option<(u16, usize)>) -> Error {
    let text = match expected {
        None => format!("the peer sent a {:?} that nobody asked for", header.kind),
        Some((seq, _)) => format!("expected the reply to request {seq}, found {:?} {}", header.kind, header.seq),
    };
    Error::new(ErrorKind::Protocol, text)
}

/// A link, and what keeps it.
pub(crate) enum Held<'l> {
    /// Somebody who lives longer: the usual case costs no count.
    Lent(&'l Arc<Link>),
    /// A share of its own.
    Shared(Arc<Link>),
}

impl Deref for Held<'_> {
    type Target = Arc<Link>;

    #[inline]
    fn deref(&self) -> &Arc<Link> {
        match self {
            Self::Lent(link) => link,
            Self::Shared(link) => link,
        }
    }
}

/// A request on its way. `Ok(None)` for a oneway request that was written.
pub(crate) struct Exchange<'l> {
    link: Held<'l>,
    index: usize,
    finished: bool,
}

impl Exchange<'_> {
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

impl Future for Exchange<'_> {
    type Output = Result<Option<Frame>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.link.lock();
        let polled = state.poll(self.index, cx, &self.link.limits);
        state.close_if_left();
        drop(state);
        self.finished = matches!(polled, Poll::Ready(Ok(_)));
        polled
    }
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        let mut guard = self.link.lock();
        let state = &mut *guard;
        let me = self.index;
        if state.take_back(me) || !matches!(state.outcome(me), Outcome::Waiting) {
            state.remove(me);
            state.close_if_left();
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
        state.close_if_left();
    }
}
