//! Listeners that several exporters share: one for each host and port, there as long as anything is mounted on it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::Duration;

use springline_core::component::Exporter;
use springline_core::{BoxFuture, Error, ErrorKind, Result};
use tokio::sync::OnceCell;

use super::{HttpHandler, Listening, Request, Response, StatusCode, WebServer, text};

/// Listeners by host and port. Cheap to clone; clones share them.
#[derive(Clone, Default)]
pub struct HttpHub {
    lots: Arc<Mutex<Lots>>,
}

/// By host and port. Who has mounted something holds the lot.
type Lots = HashMap<(String, u16), Weak<Lot>>;

/// A listener, and what is mounted on it.
#[derive(Default)]
struct Lot {
    server: OnceCell<Opened>,
    mounts: Arc<Mounts>,
}

struct Opened {
    web: WebServer,
    terms: String,
}

#[derive(Default)]
struct Mounts {
    by_path: RwLock<HashMap<String, Arc<dyn HttpHandler>>>,
}

impl HttpHandler for Mounts {
    fn handle<'a>(&'a self, request: Request) -> BoxFuture<'a, Response> {
        let found = self.by_path.read().unwrap_or_else(PoisonError::into_inner).get(request.path()).cloned();
        Box::pin(async move {
            match found {
                Some(handler) => handler.handle(request).await,
                None => text(StatusCode::NOT_FOUND, "No such page.\n"),
            }
        })
    }
}

impl HttpHub {
    /// Answers requests for `paths` at the listener's host and port with `handler`. The first to come there opens the
    /// listener, with its limits and its TLS; `terms` say what those are, and all that come later have to have the same.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a path without a slash, other terms, or a mistake in setting up TLS; [`ErrorKind::Name`]
    /// when a path is taken, unless it may be taken over; [`ErrorKind::Unavailable`] when the address cannot be bound.
    pub async fn mount(
        &self,
        listening: Listening,
        terms: &str,
        paths: &[String],
        handler: Arc<dyn HttpHandler>,
        take_over: bool,
    ) -> Result<Mounted> {
        if let Some(path) = paths.iter().find(|path| !path.starts_with('/')) {
            return Err(Error::new(ErrorKind::Config, format!("the path {path:?} does not begin with a slash")));
        }
        let (host, port) = (listening.host.clone(), listening.port);
        let lot = self.lot(&host, port);
        let mounts = lot.mounts.clone();
        let opened = lot
            .server
            .get_or_try_init(|| async move {
                let web = listening.serve("", |http| http.otherwise(mounts)).await?;
                Ok::<_, Error>(Opened { web, terms: terms.to_owned() })
            })
            .await?;
        if opened.terms != terms {
            let text = format!("{host}:{port} is shared with an exporter that has other options for TLS and limits");
            return Err(Error::new(ErrorKind::Config, text));
        }
        let mut by_path = lot.mounts.by_path.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = paths.iter().find(|path| !take_over && by_path.contains_key(*path)) {
            return Err(Error::new(ErrorKind::Name, format!("{host}:{port} serves something at {path} already")));
        }
        for path in paths {
            by_path.insert(path.clone(), handler.clone());
        }
        drop(by_path);
        Ok(Mounted { lot, paths: paths.to_vec(), handler })
    }

    fn lot(&self, host: &str, port: u16) -> Arc<Lot> {
        let mut lots: MutexGuard<'_, _> = self.lots.lock().unwrap_or_else(PoisonError::into_inner);
        lots.retain(|_, lot| lot.strong_count() > 0);
        let key = (host.to_owned(), port);
        let running = lots.get(&key).and_then(Weak::upgrade);
        if let Some(lot) = running.filter(|lot| lot.server.get().is_none_or(|opened| opened.web.is_listening())) {
            return lot;
        }
        let fresh = Arc::new(Lot::default());
        // Any free port is another one each time.
        if port != 0 {
            lots.insert(key, Arc::downgrade(&fresh));
        }
        fresh
    }
}

impl fmt::Debug for HttpHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpHub")
    }
}

/// Paths on a shared listener. Dropped, they are served no longer.
pub struct Mounted {
    lot: Arc<Lot>,
    paths: Vec<String>,
    handler: Arc<dyn HttpHandler>,
}

impl Mounted {
    /// The URLs of its paths.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        let base = self.lot.server.get().map(|opened| opened.web.url()).unwrap_or_default();
        self.paths.iter().map(|path| format!("{base}{path}")).collect()
    }

    /// Takes its paths again, should another one have taken them over.
    pub fn remount(&self) {
        let mut by_path = self.lot.mounts.by_path.write().unwrap_or_else(PoisonError::into_inner);
        for path in &self.paths {
            by_path.insert(path.clone(), self.handler.clone());
        }
    }

    /// Serves its paths no longer. If it was the last one, the listener closes: requests in progress may finish for at
    /// most `drain`, and the address is free when this is done. Gives how many connections had to be cut off.
    pub async fn unmount(self, drain: Duration) -> usize {
        let lot = self.lot.clone();
        drop(self);
        // There is one who finds nobody else here: the last.
        match Arc::into_inner(lot).and_then(|lot| lot.server.into_inner()) {
            Some(opened) => opened.web.shutdown(drain).await,
            None => 0,
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let mut by_path = self.lot.mounts.by_path.write().unwrap_or_else(PoisonError::into_inner);
        for path in &self.paths {
            if by_path.get(path).is_some_and(|found| Arc::ptr_eq(found, &self.handler)) {
                by_path.remove(path);
            }
        }
    }
}

impl fmt::Debug for Mounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mounted").field("urls", &self.urls()).finish()
    }
}

/// What serves a handler at paths of a listener that it may share: the exporter of protocols over HTTP.
#[derive(Debug)]
pub struct MountedExporter {
    hub: Arc<HttpHub>,
    listening: Listening,
    terms: String,
    paths: Vec<String>,
    handler: Handler,
    mounted: Mutex<Option<Mounted>>,
}

struct Handler(Arc<dyn HttpHandler>);

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handler")
    }
}

impl MountedExporter {
    /// One that is not started. The URL of the last path is told to others; for `terms` see [`HttpHub::mount`].
    #[must_use]
    pub fn new(
        hub: Arc<HttpHub>,
        (listening, terms): (Listening, String),
        paths: Vec<String>,
        handler: Arc<dyn HttpHandler>,
    ) -> Self {
        Self { hub, listening, terms, paths, handler: Handler(handler), mounted: Mutex::default() }
    }

    fn mounted(&self) -> MutexGuard<'_, Option<Mounted>> {
        self.mounted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn mount(&self, take_over: bool) -> Result<Vec<String>> {
        let told = |mounted: &Mounted| mounted.urls().pop().into_iter().collect();
        if let Some(mounted) = &*self.mounted() {
            mounted.remount();
            return Ok(told(mounted));
        }
        let (listening, handler) = (self.listening.clone(), self.handler.0.clone());
        let mounted = self.hub.mount(listening, &self.terms, &self.paths, handler, take_over).await?;
        let urls = told(&mounted);
        *self.mounted() = Some(mounted);
        Ok(urls)
    }
}

impl Exporter for MountedExporter {
    fn start(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        Box::pin(self.mount(false))
    }

    fn take_over(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        Box::pin(self.mount(true))
    }

    fn claims(&self) -> Vec<String> {
        let Listening { host, port, .. } = &self.listening;
        // A free port is another one each time.
        let paths = self.paths.iter().filter(|_| *port != 0);
        paths.map(|path| format!("the path {path} of {host}:{port}")).collect()
    }

    fn stop(&self, drain: Duration) -> BoxFuture<'_, usize> {
        let mounted = self.mounted().take();
        Box::pin(async move {
            match mounted {
                Some(mounted) => mounted.unmount(drain).await,
                None => 0,
            }
        })
    }
}
