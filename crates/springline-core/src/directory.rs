//! [`Directory`]: names of objects, and where the objects are.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use crate::{BoxFuture, Error, ErrorKind, Result};

/// Where a named object is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Its URI.
    pub uri: String,
    /// Tags that it can be found by.
    pub metadata: BTreeSet<String>,
}

impl Entry {
    /// An entry without tags.
    pub fn new(uri: impl Into<String>) -> Self {
        Self { uri: uri.into(), metadata: BTreeSet::new() }
    }

    /// Adds tags.
    ///
    /// ```
    /// use springline_core::directory::Entry;
    /// let entry = Entry::new("PYRO:a@host:1").with_metadata(["bank", "replica"]);
    /// assert!(entry.metadata.contains("bank"));
    /// ```
    #[must_use]
    pub fn with_metadata<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.metadata.extend(tags.into_iter().map(Into::into));
        self
    }
}

/// What to do about a name that has an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum IfTaken {
    /// Leave it and fail with [`ErrorKind::Name`].
    #[default]
    Refuse,
    /// Put the new entry in its place.
    Replace,
}

/// Which entries to list. All conditions must hold; the default lists everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Query {
    /// How the name begins.
    pub prefix: String,
    /// Tags that an entry must have, every one of them.
    pub all: BTreeSet<String>,
    /// Tags of which an entry must have at least one, unless this is empty.
    pub any: BTreeSet<String>,
}

impl Query {
    /// Every entry whose name begins with `prefix`.
    pub fn prefix(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..Self::default() }
    }

    /// Only entries with all these tags.
    #[must_use]
    pub fn with_all<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.all.extend(tags.into_iter().map(Into::into));
        self
    }

    /// Only entries with at least one of these tags.
    #[must_use]
    pub fn with_any<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.any.extend(tags.into_iter().map(Into::into));
        self
    }

    /// Whether an entry is asked for.
    #[must_use]
    pub fn fits(&self, name: &str, entry: &Entry) -> bool {
        name.starts_with(&self.prefix)
            && self.all.is_subset(&entry.metadata)
            && (self.any.is_empty() || !self.any.is_disjoint(&entry.metadata))
    }
}

/// What happened to a name that is being watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It has an entry now.
    Added {
        /// The name.
        name: String,
        /// Where its object is.
        entry: Entry,
    },
    /// It has another entry.
    Changed {
        /// The name.
        name: String,
        /// Where its object is now.
        entry: Entry,
    },
    /// It has no entry any more.
    Removed {
        /// The name.
        name: String,
    },
}

impl Change {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Added { name, .. } | Self::Changed { name, .. } | Self::Removed { name } => name,
        }
    }

    /// The entry that is there now.
    #[must_use]
    pub fn entry(&self) -> Option<&Entry> {
        match self {
            Self::Added { entry, .. } | Self::Changed { entry, .. } => Some(entry),
            Self::Removed { .. } => None,
        }
    }
}

/// Names of objects and where the objects are: in memory, a name server, etcd.
pub trait Directory: Send + Sync {
    /// The entry of `name`. An unknown name is an answer, not a failure.
    fn lookup<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Entry>>>;

    /// Gives `name` an entry.
    fn register<'a>(&'a self, name: &'a str, entry: Entry, if_taken: IfTaken) -> BoxFuture<'a, Result<()>>;

    /// Takes the entry of `name` away. Tells whether there was one.
    fn unregister<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<bool>>;

    /// The entries asked for, sorted by name.
    fn list<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Vec<(String, Entry)>>>;

    /// Watches the names that begin with `prefix`. What has an entry at the start comes first, as [`Change::Added`]:
    /// nothing is lost between a listing and a watch.
    fn watch<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Box<dyn Watch>>>;
}

/// A watch that is going on. Dropping it ends it.
pub trait Watch: Send {
    /// Waits for the next change; `None` when the directory is gone.
    ///
    /// A reader that falls behind sees the outcome of several changes to one name as one. Dropping the future loses
    /// no change.
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Change>>>;
}

/// A directory in memory. Cheap to clone; clones share the names.
///
/// ```
/// # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
/// # fn ready<F: Future>(f: F) -> F::Output {
/// #     match pin!(f).poll(&mut Context::from_waker(Waker::noop())) { Poll::Ready(v) => v, Poll::Pending => panic!() }
/// # }
/// use springline_core::directory::{Directory, Entry, IfTaken, MemoryDirectory};
///
/// # ready(async {
/// let names = MemoryDirectory::new();
/// names.register("bank.account", Entry::new("PYRO:account@host:7766"), IfTaken::Refuse).await?;
/// let found = names.lookup("bank.account").await?;
/// assert_eq!(found.map(|e| e.uri).as_deref(), Some("PYRO:account@host:7766"));
/// # Ok::<(), springline_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Default)]
pub struct MemoryDirectory {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    entries: BTreeMap<String, Entry>,
    watches: Vec<Weak<Mutex<Queue>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn done<'a, T: Send + 'a>(value: Result<T>) -> BoxFuture<'a, Result<T>> {
    Box::pin(std::future::ready(value))
}

impl MemoryDirectory {
    /// An empty directory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl State {
    fn matching(&self, prefix: &str) -> impl Iterator<Item = (&String, &Entry)> {
        let from = (std::ops::Bound::Included(prefix), std::ops::Bound::Unbounded);
        let prefix = prefix.to_owned();
        self.entries.range::<str, _>(from).take_while(move |(name, _)| name.starts_with(&prefix))
    }

    fn register(&mut self, name: &str, entry: Entry, if_taken: IfTaken) -> Result<Wakers> {
        if name.is_empty() {
            return Err(Error::new(ErrorKind::Name, "a name must not be empty"));
        }
        let change = match self.entries.get(name) {
            Some(_) if if_taken == IfTaken::Refuse => {
                return Err(Error::new(ErrorKind::Name, format!("the name '{name}' is registered already")));
            }
            Some(old) if *old == entry => return Ok(Wakers::default()),
            Some(_) => Change::Changed { name: name.to_owned(), entry: entry.clone() },
            None => Change::Added { name: name.to_owned(), entry: entry.clone() },
        };
        self.entries.insert(name.to_owned(), entry);
        Ok(self.tell(&change))
    }

    fn unregister(&mut self, name: &str) -> Option<Wakers> {
        self.entries.remove(name)?;
        Some(self.tell(&Change::Removed { name: name.to_owned() }))
    }

    fn tell(&mut self, change: &Change) -> Wakers {
        let mut wakers = Wakers::default();
        self.watches.retain(|watch| {
            let Some(queue) = watch.upgrade() else { return false };
            let mut queue = lock(&queue);
            if change.name().starts_with(&queue.prefix) {
                queue.push(change.clone());
                wakers.0.extend(queue.waker.take());
            }
            true
        });
        wakers
    }
}

// Whom to wake when the locks are released: a waker may run anything, on the spot too.
#[must_use]
#[derive(Default)]
struct Wakers(Vec<Waker>);

impl Wakers {
    fn wake(self) {
        self.0.into_iter().for_each(Waker::wake);
    }
}

impl Drop for State {
    fn drop(&mut self) {
        for queue in self.watches.iter().filter_map(Weak::upgrade) {
            let waker = {
                let mut queue = lock(&queue);
                queue.closed = true;
                queue.waker.take()
            };
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

impl Directory for MemoryDirectory {
    fn lookup<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Entry>>> {
        done(Ok(lock(&self.state).entries.get(name).cloned()))
    }

    fn register<'a>(&'a self, name: &'a str, entry: Entry, if_taken: IfTaken) -> BoxFuture<'a, Result<()>> {
        let wakers = lock(&self.state).register(name, entry, if_taken);
        done(wakers.map(Wakers::wake))
    }

    fn unregister<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<bool>> {
        let wakers = lock(&self.state).unregister(name);
        done(Ok(wakers.map(Wakers::wake).is_some()))
    }

    fn list<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Vec<(String, Entry)>>> {
        let state = lock(&self.state);
        let found = state.matching(&query.prefix).filter(|(name, entry)| query.fits(name, entry));
        done(Ok(found.map(|(name, entry)| (name.clone(), entry.clone())).collect()))
    }

    fn watch<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Box<dyn Watch>>> {
        let mut state = lock(&self.state);
        let mut queue = Queue { prefix: prefix.to_owned(), ..Queue::default() };
        for (name, entry) in state.matching(prefix) {
            queue.push(Change::Added { name: name.clone(), entry: entry.clone() });
        }
        let queue = Arc::new(Mutex::new(queue));
        state.watches.push(Arc::downgrade(&queue));
        done(Ok(Box::new(MemoryWatch(queue)) as Box<dyn Watch>))
    }
}

impl fmt::Debug for MemoryDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MemoryDirectory").field(&lock(&self.state).entries).finish()
    }
}

// Changes not yet read, at most one per name: a reader that never comes costs no more than the names themselves.
#[derive(Default)]
struct Queue {
    prefix: String,
    changes: BTreeMap<u64, Change>,
    by_name: HashMap<String, u64>,
    pushed: u64,
    closed: bool,
    waker: Option<Waker>,
}

impl Queue {
    fn push(&mut self, change: Change) {
        let name = change.name().to_owned();
        let merged = match self.by_name.remove(&name).and_then(|n| self.changes.remove(&n)) {
            None => Some(change),
            Some(before) => merge(&before, change),
        };
        if let Some(change) = merged {
            self.pushed += 1;
            self.by_name.insert(name, self.pushed);
            self.changes.insert(self.pushed, change);
        }
    }

    fn pop(&mut self) -> Option<Change> {
        let (_, change) = self.changes.pop_first()?;
        self.by_name.remove(change.name());
        Some(change)
    }
}

// Two changes of one name as one, or none where the second undoes the first.
fn merge(before: &Change, after: Change) -> Option<Change> {
    match (before, after) {
        (Change::Added { .. }, Change::Removed { .. }) => None,
        (Change::Added { .. }, Change::Changed { name, entry }) => Some(Change::Added { name, entry }),
        (Change::Removed { .. }, Change::Added { name, entry }) => Some(Change::Changed { name, entry }),
        (_, after) => Some(after),
    }
}

struct MemoryWatch(Arc<Mutex<Queue>>);

impl MemoryWatch {
    fn poll_next(&self, cx: &Context<'_>) -> Poll<Option<Change>> {
        let mut queue = lock(&self.0);
        match queue.pop() {
            Some(change) => Poll::Ready(Some(change)),
            None if queue.closed => Poll::Ready(None),
            None => {
                queue.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Watch for MemoryWatch {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Change>>> {
        Box::pin(poll_fn(|cx| self.poll_next(cx).map(Ok)))
    }
}
