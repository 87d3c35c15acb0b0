//! Names in a directory, and watching them.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use springline_core::directory::{Change, Directory, Entry, IfTaken, MemoryDirectory, Query, Watch};
use springline_core::{ErrorKind, Result};

fn ready<F: Future>(f: F) -> F::Output {
    match pin!(f).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(v) => v,
        Poll::Pending => panic!("nothing here waits"),
    }
}

/// Runs a future on this thread, sleeping while it waits.
fn block_on<F: Future>(f: F) -> F::Output {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut f = pin!(f);
    loop {
        if let Poll::Ready(v) = f.as_mut().poll(&mut Context::from_waker(&waker)) {
            return v;
        }
        thread::park();
    }
}

fn entry(uri: &str, tags: &[&str]) -> Entry {
    Entry::new(uri).with_metadata(tags.iter().copied())
}

fn put(names: &dyn Directory, name: &str, uri: &str) -> Result<()> {
    ready(names.register(name, Entry::new(uri), IfTaken::Replace))
}

fn listed(names: &dyn Directory, query: &Query) -> Vec<String> {
    ready(names.list(query)).unwrap().into_iter().map(|(name, _)| name).collect()
}

/// The next change, if there is one now.
fn now(watch: &mut dyn Watch) -> Option<Change> {
    match pin!(watch.next()).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(change) => change.unwrap(),
        Poll::Pending => None,
    }
}

fn added(name: &str, uri: &str) -> Option<Change> {
    Some(Change::Added { name: name.into(), entry: Entry::new(uri) })
}

fn changed(name: &str, uri: &str) -> Option<Change> {
    Some(Change::Changed { name: name.into(), entry: Entry::new(uri) })
}

fn removed(name: &str) -> Option<Change> {
    Some(Change::Removed { name: name.into() })
}

#[test]
fn names_are_registered_and_found() {
    let names = MemoryDirectory::new();
    assert_eq!(ready(names.lookup("a")).unwrap(), None);
    ready(names.register("a", entry("u1", &["x"]), IfTaken::Refuse)).unwrap();
    assert_eq!(ready(names.clone().lookup("a")).unwrap(), Some(entry("u1", &["x"])));
    let e = ready(names.register("a", Entry::new("u2"), IfTaken::Refuse)).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Name);
    assert!(e.message().contains("'a'"), "{e}");
    put(&names, "a", "u2").unwrap();
    assert_eq!(ready(names.lookup("a")).unwrap(), Some(Entry::new("u2")));
    assert!(ready(names.unregister("a")).unwrap() && !ready(names.unregister("a")).unwrap());
    assert_eq!(ready(names.lookup("a")).unwrap(), None);
    assert_eq!(put(&names, "", "u").unwrap_err().kind(), ErrorKind::Name);
}

#[test]
fn listing_by_prefix_and_tags() {
    let names = MemoryDirectory::new();
    for (name, tags) in
        [("bank.b", &["x", "y"][..]), ("bank.a", &["x"]), ("bank", &["y"]), ("shop", &["x", "z"]), ("bbnk", &[])]
    {
        ready(names.register(name, entry("u", tags), IfTaken::Refuse)).unwrap();
    }
    let list = |query: Query| listed(&names, &query);
    assert_eq!(list(Query::default()), ["bank", "bank.a", "bank.b", "bbnk", "shop"]);
    assert_eq!(list(Query::prefix("bank.")), ["bank.a", "bank.b"]);
    assert_eq!(list(Query::prefix("none")), [""; 0]);
    assert_eq!(list(Query::default().with_all(["x"])), ["bank.a", "bank.b", "shop"]);
    assert_eq!(list(Query::default().with_all(["x", "y"])), ["bank.b"]);
    assert_eq!(list(Query::default().with_any(["y", "z"])), ["bank", "bank.b", "shop"]);
    assert_eq!(list(Query::prefix("bank").with_all(["x"]).with_any(["y"])), ["bank.b"]);
    let all = ready(names.list(&Query::prefix("shop"))).unwrap();
    assert_eq!(all, [("shop".to_owned(), entry("u", &["z", "x"]))]);
}

#[test]
fn a_watch_tells_what_is_there_and_what_changes() {
    let names: Arc<dyn Directory> = Arc::new(MemoryDirectory::new());
    for (name, uri) in [("a.2", "u2"), ("a.1", "u1"), ("b", "u3")] {
        put(&*names, name, uri).unwrap();
    }
    let mut watch = ready(names.watch("a.")).unwrap();
    assert_eq!((now(&mut *watch), now(&mut *watch)), (added("a.1", "u1"), added("a.2", "u2")));
    assert_eq!(now(&mut *watch), None);
    put(&*names, "a.3", "u4").unwrap();
    put(&*names, "b", "elsewhere").unwrap();
    put(&*names, "a.1", "new").unwrap();
    ready(names.unregister("a.2")).unwrap();
    assert_eq!(now(&mut *watch), added("a.3", "u4"));
    assert_eq!(now(&mut *watch), changed("a.1", "new"));
    let last = now(&mut *watch).unwrap();
    assert_eq!((last.name(), last.entry()), ("a.2", None));
    put(&*names, "a.1", "new").unwrap();
    assert_eq!(now(&mut *watch), None, "the same entry again is no change");
    drop(names);
    assert_eq!(block_on(watch.next()).unwrap(), None, "the directory is gone");
}

#[test]
fn changes_that_were_not_read_are_one() {
    let names = MemoryDirectory::new();
    put(&names, "old", "1").unwrap();
    let mut watch = ready(names.watch("")).unwrap();
    assert_eq!(now(&mut *watch), added("old", "1"));
    for i in 0..1000 {
        put(&names, "new", &i.to_string()).unwrap();
        put(&names, "old", &format!("v{i}")).unwrap();
        put(&names, "gone", "x").unwrap();
        ready(names.unregister("gone")).unwrap();
    }
    let mut all: Vec<Change> = std::iter::from_fn(|| now(&mut *watch)).collect();
    all.sort_by(|a, b| a.name().cmp(b.name()));
    assert_eq!(all.into_iter().map(Some).collect::<Vec<_>>(), [added("new", "999"), changed("old", "v999")]);
    ready(names.unregister("old")).unwrap();
    put(&names, "old", "again").unwrap();
    assert_eq!(now(&mut *watch), changed("old", "again"));
    put(&names, "old", "x").unwrap();
    ready(names.unregister("old")).unwrap();
    assert_eq!((now(&mut *watch), now(&mut *watch)), (removed("old"), None));
}

#[test]
fn a_dropped_wait_loses_nothing() {
    let names = MemoryDirectory::new();
    let mut watch = ready(names.watch("")).unwrap();
    let counter = Arc::new(Count::default());
    let waker = Waker::from(counter.clone());
    {
        let waiting = pin!(watch.next());
        assert!(waiting.poll(&mut Context::from_waker(&waker)).is_pending());
    }
    put(&names, "a", "u").unwrap();
    assert_eq!(counter.0.load(Ordering::Relaxed), 1, "woken once");
    put(&names, "b", "u").unwrap();
    assert_eq!(counter.0.load(Ordering::Relaxed), 1);
    assert_eq!((now(&mut *watch), now(&mut *watch)), (added("a", "u"), added("b", "u")));
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A waker that looks into the directory at once, as an executor that runs tasks on the spot would.
struct LooksIn(MemoryDirectory);

impl Wake for LooksIn {
    fn wake(self: Arc<Self>) {
        assert!(ready(self.0.lookup("a")).unwrap().is_some());
    }
}

#[test]
fn no_lock_is_held_while_waking() {
    let names = MemoryDirectory::new();
    let mut watch = ready(names.watch("")).unwrap();
    let waker = Waker::from(Arc::new(LooksIn(names.clone())));
    assert!(pin!(watch.next()).poll(&mut Context::from_waker(&waker)).is_pending());
    put(&names, "a", "u").unwrap();
    assert_eq!(now(&mut *watch), added("a", "u"));
}

#[test]
fn many_threads_register_while_one_watches() {
    const THREADS: usize = 4;
    const NAMES: usize = 200;
    let names = MemoryDirectory::new();
    let mut watch = ready(names.watch("x.")).unwrap();
    let seen = thread::scope(|scope| {
        for t in 0..THREADS {
            let names = &names;
            scope.spawn(move || {
                for i in 0..NAMES {
                    put(names, &format!("x.{t}.{i}"), "u").unwrap();
                    put(names, &format!("y.{t}.{i}"), "u").unwrap();
                    assert!(ready(names.unregister(&format!("y.{t}.{i}"))).unwrap());
                }
            });
        }
        let watcher = scope.spawn(move || {
            let mut seen = Vec::new();
            while seen.len() < THREADS * NAMES {
                match block_on(watch.next()).unwrap() {
                    Some(Change::Added { name, .. }) => seen.push(name),
                    other => panic!("{other:?}"),
                }
            }
            seen
        });
        watcher.join().unwrap()
    });
    let mut seen = seen;
    seen.sort();
    assert_eq!(seen, listed(&names, &Query::default()));
}

#[test]
fn of_those_who_refuse_one_wins() {
    let names = MemoryDirectory::new();
    let won = AtomicUsize::new(0);
    thread::scope(|scope| {
        for t in 0..8 {
            let (names, won) = (&names, &won);
            scope.spawn(move || {
                if ready(names.register("one", Entry::new(t.to_string()), IfTaken::Refuse)).is_ok() {
                    won.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(won.into_inner(), 1);
}
