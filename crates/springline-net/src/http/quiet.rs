//! Finds connections that have had no request for a while, so that they can give hyper and its buffers up.
//!
//! A timer of the runtime would do. But one that is pending, however far off, makes of each wait for the sockets one with a
//! time limit, and that takes the kernel some 3 % of a small call (Linux 6.18). So a thread looks at all connections that
//! are in use, ten times a second, and only while there are any.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread;
use std::time::Duration;

use tracing::debug;

use super::io::Shared;

/// How often is looked. A connection is quiet when nothing was asked between two looks.
const LOOK: Duration = Duration::from_millis(100);
/// The thread ends when there was nothing to look at so many times.
const PATIENCE: u32 = 50;

static WATCH: Mutex<Watch> = Mutex::new(Watch { running: false, next: 0, watched: None });

struct Watch {
    running: bool,
    next: u64,
    watched: Option<HashMap<u64, Watched>>,
}

struct Watched {
    shared: Arc<Shared>,
    waker: Waker,
    /// Its last request at the last look; none for one that was busy or not there.
    seen: Option<u64>,
}

fn watch() -> MutexGuard<'static, Watch> {
    WATCH.lock().unwrap_or_else(PoisonError::into_inner)
}

/// While this lives, the connection is told when it is quiet, and its task is woken.
pub(super) struct Watching(u64);

impl Watching {
    pub(super) fn new(shared: &Arc<Shared>, waker: Waker) -> Self {
        let mut watch = watch();
        if !watch.running {
            match thread::Builder::new().name("springline-http".to_owned()).spawn(look) {
                Ok(_) => watch.running = true,
                Err(e) => {
                    debug!(error = %e, "no thread to watch connections: they give their buffers up at once");
                    shared.always_quiet();
                }
            }
        }
        watch.next += 1;
        let id = watch.next;
        let watched = Watched { shared: shared.clone(), waker, seen: None };
        watch.watched.get_or_insert_default().insert(id, watched);
        Self(id)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let gone = watch().watched.as_mut().and_then(|watched| watched.remove(&self.0));
        // Not under the lock: nobody knows what dropping a waker does.
        drop(gone);
    }
}

/// Another thread is started should this one panic, in somebody's waker.
struct Looking;

impl Drop for Looking {
    fn drop(&mut self) {
        if thread::panicking() {
            watch().running = false;
        }
    }
}

fn look() {
    let _looking = Looking;
    let mut nothing = 0;
    loop {
        thread::sleep(LOOK);
        let mut quiet = Vec::new();
        {
            let mut watch = watch();
            let watched = watch.watched.get_or_insert_default();
            nothing = if watched.is_empty() { nothing + 1 } else { 0 };
            for one in watched.values_mut() {
                let idle = one.shared.idle_request();
                if let Some(request) = idle
                    && idle == one.seen
                {
                    one.shared.quiet_since(request);
                    quiet.push(one.waker.clone());
                }
                one.seen = idle;
            }
            if nothing > PATIENCE {
                // With the room that many connections took.
                watch.watched = None;
                watch.running = false;
                return;
            }
        }
        quiet.into_iter().for_each(Waker::wake);
    }
}
