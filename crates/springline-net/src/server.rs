//! Listening: the accept loop, its bounds, and a shutdown that lets calls finish.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use springline_core::{Error, ErrorKind, Result};
use tokio::net::{TcpListener, UnixListener, lookup_host};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tracing::{debug, warn};

use crate::{Address, Stream};

/// How to listen.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerOptions {
    /// Connections at a time; the accept loop waits while there are as many. Default 16,384.
    pub connections: usize,
    /// Whether a Unix socket's file that nobody listens on is replaced. Default true.
    pub replace_socket_file: bool,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self { connections: 16_384, replace_socket_file: true }
    }
}

/// What is done with each connection.
pub trait Handler: Send + Sync + 'static {
    /// Serves one connection to its end. It should leave its loop when [`Connection::next_request`] says so.
    fn serve(self: Arc<Self>, stream: Stream, connection: Connection) -> impl Future<Output = ()> + Send;
}

const IDLE: u8 = 0;
const BUSY: u8 = 1;
const ENDED: u8 = 2;

#[derive(Debug)]
struct Shared {
    address: Address,
    stopping: AtomicBool,
    listening: AtomicBool,
    stop: Notify,
    changed: Notify,
    count: AtomicUsize,
    tasks: Mutex<HashMap<u64, Task>>,
}

#[derive(Debug)]
struct Task {
    state: Arc<AtomicU8>,
    abort: Option<AbortHandle>,
}

/// A connection's tie to its server. Dropped with the connection.
#[derive(Debug)]
pub struct Connection {
    id: u64,
    state: Arc<AtomicU8>,
    shared: Arc<Shared>,
}

impl Connection {
    /// Says that a request has begun to come in. False when the server is stopping: close then.
    #[must_use]
    #[inline]
    pub fn begin(&self) -> bool {
        // Nobody else ends that it is busy.
        self.state.load(Ordering::Acquire) == BUSY
            || self.state.compare_exchange(IDLE, BUSY, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Says that all requests are answered. False when the server is stopping: close then.
    #[must_use]
    #[inline]
    pub fn next_request(&self) -> bool {
        self.state.store(IDLE, Ordering::Release);
        !self.shared.stopping.load(Ordering::Acquire)
    }

    /// Whether the server is stopping.
    #[must_use]
    pub fn stopping(&self) -> bool {
        self.shared.stopping.load(Ordering::Acquire)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.tasks.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
        self.shared.count.fetch_sub(1, Ordering::AcqRel);
        self.shared.changed.notify_waiters();
        self.shared.changed.notify_one();
    }
}

enum Listener {
    Tcp(TcpListener),
    // The file is only held on to, so that it goes with the listener.
    Unix(UnixListener, #[allow(dead_code)] UnixFile),
}

// Removes the socket's file when the listener goes.
struct UnixFile(std::path::PathBuf);

impl Drop for UnixFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A listening server. Dropping it stops accepting and closes all connections.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    accept: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Binds `address` and serves each connection with `handler` in a task of its own on the current runtime.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] when the address cannot be bound.
    pub async fn bind<H: Handler>(address: &Address, options: ServerOptions, handler: Arc<H>) -> Result<Self> {
        let cannot =
            |e: io::Error| Error::new(ErrorKind::Unavailable, format!("cannot listen: {e}")).with_endpoint(address);
        let listener = listen(address, &options).await.map_err(cannot)?;
        let address = match &listener {
            Listener::Tcp(l) => {
                let bound = l.local_addr().map_err(cannot)?;
                // Keep the host name that was asked for, for URIs; the port may have been 0.
                match address {
                    Address::Tcp(host, _) => Address::Tcp(host.clone(), bound.port()),
                    Address::Unix(_) => address.clone(),
                }
            }
            Listener::Unix(..) => address.clone(),
        };
        let shared = Arc::new(Shared {
            address,
            stopping: AtomicBool::new(false),
            listening: AtomicBool::new(true),
            stop: Notify::new(),
            changed: Notify::new(),
            count: AtomicUsize::new(0),
            tasks: Mutex::default(),
        });
        // Made here: a runtime that ends at once never polls the task.
        let listening = Listening { listener, _deaf: Deaf(shared.clone()) };
        let accept = tokio::spawn(accept_loop(listening, options, handler, shared.clone()));
        Ok(Self { shared, accept })
    }

    /// The address, with the port that was given where 0 was asked for.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.shared.address
    }

    /// Whether it still accepts: not after a shutdown, nor once its runtime is gone.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.shared.listening.load(Ordering::Acquire)
    }

    /// How many connections there are.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.count.load(Ordering::Acquire)
    }

    /// Stops accepting, closes idle connections, lets the others finish for at most `drain`, then closes those too.
    /// Gives how many had to be cut off. When all is done within `drain` the address is free again.
    pub async fn shutdown(&self, drain: Duration) -> usize {
        self.shared.stopping.store(true, Ordering::Release);
        self.shared.stop.notify_waiters();
        self.shared.stop.notify_one();
        {
            let tasks = self.shared.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            for task in tasks.values() {
                let idle = task.state.compare_exchange(IDLE, ENDED, Ordering::AcqRel, Ordering::Acquire).is_ok();
                if let Some(abort) = task.abort.as_ref().filter(|_| idle) {
                    abort.abort();
                }
            }
        }
        let all_gone = async {
            loop {
                let changed = self.shared.changed.notified();
                if self.connections() == 0 && !self.shared.listening.load(Ordering::Acquire) {
                    return;
                }
                changed.await;
            }
        };
        if tokio::time::timeout(drain, all_gone).await.is_ok() {
            return 0;
        }
        self.abort_all()
    }

    fn abort_all(&self) -> usize {
        let tasks = self.shared.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.values().filter_map(|t| t.abort.as_ref()).map(AbortHandle::abort).count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        self.accept.abort();
        self.abort_all();
    }
}

async fn listen(address: &Address, options: &ServerOptions) -> io::Result<Listener> {
    match address {
        Address::Tcp(host, port) => {
            // A name may stand for addresses of both kinds: clients that know IPv4 only are to find the server, and others
            // try all of them.
            let mut addresses: Vec<_> = lookup_host((host.as_str(), *port)).await?.collect();
            addresses.sort_by_key(std::net::SocketAddr::is_ipv6);
            Ok(Listener::Tcp(TcpListener::bind(&*addresses).await?))
        }
        Address::Unix(path) => {
            let listener = match UnixListener::bind(path) {
                Err(e) if e.kind() == io::ErrorKind::AddrInUse && options.replace_socket_file => {
                    // Only what is a socket, and only if nobody listens on it.
                    if !is_socket(path) || tokio::net::UnixStream::connect(path).await.is_ok() {
                        return Err(e);
                    }
                    std::fs::remove_file(path)?;
                    UnixListener::bind(path)?
                }
                other => other?,
            };
            Ok(Listener::Unix(listener, UnixFile(path.clone())))
        }
    }
}

fn is_socket(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_socket())
}

async fn accept_one(listener: &Listener) -> io::Result<Stream> {
    match listener {
        Listener::Tcp(l) => {
            let (stream, _) = l.accept().await?;
            stream.set_nodelay(true)?;
            Ok(Stream::Tcp(stream))
        }
        Listener::Unix(l, _) => Ok(Stream::Unix(l.accept().await?.0)),
    }
}

// Says that nobody listens any more, once the listener is gone.
struct Deaf(Arc<Shared>);

impl Drop for Deaf {
    fn drop(&mut self) {
        self.0.listening.store(false, Ordering::Release);
        self.0.changed.notify_waiters();
    }
}

struct Listening {
    // Dropped first.
    listener: Listener,
    _deaf: Deaf,
}

async fn accept_loop<H: Handler>(listening: Listening, options: ServerOptions, handler: Arc<H>, shared: Arc<Shared>) {
    let mut backoff = Duration::from_millis(5);
    let mut id = 0u64;
    while !shared.stopping.load(Ordering::Acquire) {
        let changed = shared.changed.notified();
        if shared.count.load(Ordering::Acquire) >= options.connections {
            debug!(limit = options.connections, "as many connections as allowed, waiting for one to end");
            tokio::select! {
                () = changed => continue,
                () = shared.stop.notified() => break,
            }
        }
        let accepted = tokio::select! {
            accepted = accept_one(&listening.listener) => accepted,
            () = shared.stop.notified() => break,
        };
        match accepted {
            Ok(stream) => {
                backoff = Duration::from_millis(5);
                id += 1;
                start(stream, id, &handler, &shared);
            }
            Err(e) => {
                // Out of file descriptors or memory, or a client that went away: none of them ends the loop.
                warn!(error = %e, address = %shared.address, "accept failed");
                let gone = matches!(
                    e.kind(),
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
                );
                if !gone {
                    tokio::time::sleep(backoff).await;
                    backoff = (backoff * 2).min(Duration::from_secs(1));
                }
            }
        }
    }
}

fn start<H: Handler>(stream: Stream, id: u64, handler: &Arc<H>, shared: &Arc<Shared>) {
    let state = Arc::new(AtomicU8::new(IDLE));
    shared.count.fetch_add(1, Ordering::AcqRel);
    let task = Task { state: state.clone(), abort: None };
    shared.tasks.lock().unwrap_or_else(PoisonError::into_inner).insert(id, task);
    let connection = Connection { id, state, shared: shared.clone() };
    let abort = tokio::spawn(handler.clone().serve(stream, connection)).abort_handle();
    if let Some(task) = shared.tasks.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&id) {
        task.abort = Some(abort.clone());
    }
    // A stop in between has not found it.
    if shared.stopping.load(Ordering::Acquire) {
        abort.abort();
    }
}
