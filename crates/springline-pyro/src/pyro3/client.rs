//! Calling objects of Pyro 3 daemons.

use std::fmt;
use std::future::poll_fn;
use std::io;
#[cfg(feature = "tls")]
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::task::Poll;
use std::time::Duration;

use serde::de::DeserializeOwned;
use springline_core::service::{BoxFuture, Call, CallKind, MethodInfo, Reply, Service, ServiceInfo};
use springline_core::{Args, Bytes, Error, ErrorKind, Limits, Output, Payload, Reached, RemoteRef, Result, Value, de};
#[cfg(feature = "tls")]
use springline_net::tls::ClientTls;
use springline_net::{Address, ConnectOptions, Inbound, Outbound, Stream};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use super::call::{write_call, write_plain_call};
use super::ident::{DENIED, GRANTED};
use super::plain;
use super::secure::{self, ClientSide};
use super::wire::{self, Header, Style};
use super::{DAEMON_GUID, DEFAULT_GROUP, Ident, NAME_SERVER, NAME_SERVER_PORT, Scheme, Uri, denied, fault, listing};
use crate::Request;
use crate::codec::pickle;

type TokenOf = Arc<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

/// Sets up a [`Proxy`].
#[derive(Clone)]
pub struct ProxyBuilder {
    uri: Uri,
    config: Config,
}

#[derive(Clone)]
struct Config {
    timeout: Option<Duration>,
    connect_timeout: Duration,
    broadcast: String,
    token: TokenOf,
    compress: bool,
    checksum: bool,
    instances: bool,
    limits: Limits,
    secure: ClientSide,
}

impl ProxyBuilder {
    /// How long a call may take, connecting included. Default: as long as it takes, as in Python.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.config.timeout = Some(timeout);
        self
    }

    /// How long connecting and the handshake may take together. Default 10 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.config.connect_timeout = timeout;
        self
    }

    /// Where the name server is asked for by UDP, if a `PYRONAME` URI names none. Default `255.255.255.255:9090`. Where
    /// nobody answers, it is looked for on this machine.
    #[must_use]
    pub fn broadcast(mut self, address: impl Into<String>) -> Self {
        self.config.broadcast = address.into();
        self
    }

    /// The passphrase that the daemon asks for (`_setIdentification` in Python).
    #[must_use]
    pub fn identification(self, passphrase: &str) -> Self {
        let ident = Ident::passphrase(passphrase);
        self.token(move |challenge| ident.token(challenge))
    }

    /// What is answered to the daemon's challenge, where its validator is one of its own making.
    #[must_use]
    pub fn token(mut self, token: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) -> Self {
        self.config.token = Arc::new(token);
        self
    }

    /// Whether calls are compressed where that makes them smaller. Default false. Compressed answers are always read.
    #[must_use]
    pub fn compression(mut self, on: bool) -> Self {
        self.config.compress = on;
        self
    }

    /// Whether calls have a checksum. Default false. Those of answers are always checked.
    #[must_use]
    pub fn checksum(mut self, on: bool) -> Self {
        self.config.checksum = on;
        self
    }

    /// Whether objects go out as instances of their classes, which the daemon then imports; see
    /// [`Encoder::with_instances`](pickle::Encoder::with_instances). Default false: as a dict with `__class__`.
    #[must_use]
    pub fn instances(mut self, on: bool) -> Self {
        self.config.instances = on;
        self
    }

    /// Bounds on answers.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.config.limits = limits;
        self
    }

    /// A file with the authorities that a daemon's certificate may come from, in PEM (`PYROSSL_CA_CERT` in Python). URIs
    /// over TLS need it.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn ca_certs(mut self, path: impl Into<PathBuf>) -> Self {
        self.config.secure.with(|tls| tls.ca_certs(path));
        self
    }

    /// The file with our certificate, in PEM (`PYROSSL_CERT` in Python). Python's daemons let in nobody without one.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn certfile(mut self, path: impl Into<PathBuf>) -> Self {
        self.config.secure.with(|tls| tls.certfile(path));
        self
    }

    /// The file with its private key, in PEM and not encrypted (`PYROSSL_KEY` in Python). Without it the key is looked for
    /// in the certificate's file.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn keyfile(mut self, path: impl Into<PathBuf>) -> Self {
        self.config.secure.with(|tls| tls.keyfile(path));
        self
    }

    /// Whether the daemon's certificate has to be for the host that is connected to. Default true
    /// (`PYROSSL_POSTCONNCHECK` in Python).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn verify_hostname(mut self, verify: bool) -> Self {
        self.config.secure.with(|tls| tls.verify_hostname(verify));
        self
    }

    /// TLS made ready elsewhere, with options that have no method here. Replaces what the methods for TLS said before. For
    /// Python's daemons it must not take up sessions again
    /// ([`resumption(false)`](springline_net::tls::ClientTlsBuilder::resumption)): they fail (3.16).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: ClientTls) -> Self {
        self.config.secure.set(tls);
        self
    }

    /// The proxy. Nothing is connected yet.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a URI over TLS without authorities, and for files that cannot be used.
    pub fn build(mut self) -> Result<Proxy> {
        self.config.secure.build(&self.uri)?;
        Ok(Proxy {
            inner: Arc::new(Inner {
                uri: self.uri,
                config: self.config,
                open: Mutex::default(),
                version: AtomicU16::new(0),
            }),
        })
    }
}

/// An object of a Pyro 3 daemon. Connects at its first call; cheap to clone, clones share the connection.
///
/// ```no_run
/// # async fn f() -> springline_core::Result<()> {
/// use springline_pyro::pyro3::Proxy;
/// let service = Proxy::new("PYROLOC://localhost:7766/ServiceName")?;
/// let text: String = service.call("get_data", ("Hello",)).await?;
/// # Ok(()) }
/// ```
///
/// Calls go one after the other: the protocol has no way to tell answers apart. A call that is dropped costs the
/// connection, and the next one opens another.
#[derive(Clone)]
pub struct Proxy {
    inner: Arc<Inner>,
}

struct Inner {
    uri: Uri,
    config: Config,
    // Taken out while a call is under way.
    open: Mutex<Option<Box<Open>>>,
    // Of the last connection.
    version: AtomicU16,
}

/// A connection that was let in.
struct Open {
    stream: Stream,
    inbound: Inbound,
    outbound: Outbound,
    version: u16,
    guid: String,
}

fn broken(e: io::Error) -> Error {
    secure::broken(&e).unwrap_or_else(|| Error::new(ErrorKind::Closed, format!("the connection broke: {e}")))
}

fn protocol(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Protocol, what.into())
}

impl Open {
    /// Whether nothing has come that nobody asked for, such as the end.
    async fn is_usable(&mut self) -> bool {
        let Self { stream, inbound, .. } = self;
        let quiet = poll_fn(|cx| Poll::Ready(inbound.poll_fill(stream, cx, 0).is_pending())).await;
        quiet && inbound.is_empty()
    }

    async fn fill(&mut self, need: usize) -> Result<()> {
        let Self { stream, inbound, .. } = self;
        match poll_fn(|cx| inbound.poll_fill(stream, cx, need)).await {
            Ok(0) => Err(Error::new(ErrorKind::Closed, "the daemon closed the connection")),
            Ok(_) => Ok(()),
            Err(e) => Err(broken(e)),
        }
    }

    async fn flush(&mut self) -> Result<()> {
        let Self { stream, outbound, .. } = self;
        poll_fn(|cx| outbound.poll_flush(stream, cx)).await.map_err(broken)
    }

    /// The header of the frame that the buffer begins with, once all of that is there.
    async fn whole(&mut self, limits: &Limits) -> Result<Header> {
        loop {
            let mut need = wire::HEADER;
            if let Some(header) = wire::parse_header(self.inbound.bytes())? {
                need = header.frame_len();
                limits.check_message(need)?;
                if self.inbound.bytes().len() >= need {
                    self.version = header.version;
                    return Ok(header);
                }
            }
            self.fill(need).await?;
        }
    }

    async fn frame(&mut self, limits: &Limits) -> Result<Bytes> {
        let header = self.whole(limits).await?;
        header.open(self.inbound.take(header.frame_len()), limits)
    }

    /// The word of seven letters at the beginning of what comes, if it is one of the daemon's.
    async fn word(&mut self) -> Result<Option<Result<()>>> {
        while self.inbound.bytes().len() < GRANTED.len() {
            self.fill(GRANTED.len()).await?;
        }
        let digit = match self.inbound.bytes().first_chunk::<7>() {
            Some(word) if word == GRANTED => None,
            Some([word @ .., digit]) if word == DENIED => Some(*digit),
            _ => return Ok(None),
        };
        let _ = self.inbound.take(GRANTED.len());
        Ok(Some(digit.map_or(Ok(()), |digit| Err(denied(digit)))))
    }
}

impl Inner {
    fn style(&self, open: &Open) -> Style {
        Style { version: open.version, compress: self.config.compress, checksum: self.config.checksum }
    }

    async fn connect(&self, host: &str, port: u16, tls: bool) -> Result<Open> {
        let mut options = ConnectOptions::default();
        options.timeout = self.config.connect_timeout;
        let stream = springline_net::connect(&Address::tcp(host, port), &options).await?;
        let stream = self.config.secure.wrap(stream, host, tls).await?;
        let (inbound, outbound) = (Inbound::default(), Outbound::default());
        let mut open = Open { stream, inbound, outbound, version: wire::VERSION, guid: String::new() };
        if let Some(word) = open.word().await? {
            word?;
            return Err(protocol("expected the daemon's challenge"));
        }
        let challenge = open.frame(&self.config.limits).await?;
        let token = (self.config.token)(&challenge);
        let style = Style { version: open.version, ..Style::default() };
        wire::write_frame(&mut open.outbound.output, style, &self.config.limits, |out| {
            out.buf.extend_from_slice(b"CONNECT");
            out.buf.extend_from_slice(&token);
            Ok(())
        })?;
        open.flush().await?;
        match open.word().await? {
            Some(word) => word.map(|()| open),
            // Told as an exception instead.
            None => {
                let body = open.frame(&self.config.limits).await?;
                Err(self.raised(&body).unwrap_or_else(|| protocol("expected GRANTED or DENIED")))
            }
        }
    }

    fn raised(&self, body: &Bytes) -> Option<Error> {
        memchr::memmem::find(body, b"PyroExceptionCapsule")?;
        let value = Value::read_tree(&mut pickle::Decoder::new(body, 0, self.config.limits.budget())).ok()?;
        fault::from_value(&value).map(Error::remote)
    }

    // A call of the daemon's or name server's own, before the object's id is known.
    async fn ask(&self, open: &mut Open, object: &str, method: &str, args: &[Value]) -> Result<Value> {
        let style = self.style(open);
        wire::write_frame(&mut open.outbound.output, style, &self.config.limits, |out| {
            write_plain_call(out, object, method, args)
        })?;
        open.flush().await?;
        let body = open.frame(&self.config.limits).await?;
        if let Some(e) = self.raised(&body) {
            return Err(e);
        }
        Value::read_tree(&mut pickle::Decoder::new(&body, 0, self.config.limits.budget()))
    }

    async fn locate(&self, open: &mut Open, name: &str) -> Result<String> {
        match self.ask(open, DAEMON_GUID, "ResolvePYROLOC", &[name.into()]).await? {
            Value::Str(guid) => Ok(guid),
            other => Err(protocol(format!("expected an object's id, found {other:?}"))),
        }
    }

    // The name server that answers first, or the one on this machine.
    async fn name_server(&self) -> Result<Open> {
        let (host, port) = match &self.uri.location {
            Some((host, port)) => (host.clone(), *port),
            None => {
                let address: Address = self.config.broadcast.parse()?;
                // As often and as long as Python asks (3.16). Where there is no network, nobody can answer.
                let answer = springline_net::ask(&address, b"location", 2, Duration::from_millis(750)).await;
                let answer = answer.unwrap_or_else(|e| {
                    debug!(error = %e, "no broadcast");
                    None
                });
                match answer.as_deref().map(std::str::from_utf8) {
                    Some(Ok(uri)) => {
                        let uri: Uri = uri.parse()?;
                        let at = uri.location.ok_or_else(|| protocol("the name server told no place"))?;
                        let mut open = self.connect(&at.0, at.1, uri.tls).await?;
                        open.guid = uri.object;
                        return Ok(open);
                    }
                    Some(Err(_)) => return Err(protocol("the name server's answer is no URI")),
                    None => ("localhost".to_owned(), NAME_SERVER_PORT),
                }
            }
        };
        let mut open = self.connect(&host, port, false).await?;
        open.guid = self.locate(&mut open, NAME_SERVER).await?;
        Ok(open)
    }

    async fn open(&self) -> Result<Open> {
        let uri = match self.uri.scheme {
            Scheme::Pyro | Scheme::Loc => self.uri.clone(),
            Scheme::Name => {
                let mut names = self.name_server().await?;
                let name = match &*self.uri.object {
                    absolute if absolute.starts_with(':') => absolute.to_owned(),
                    relative => format!("{DEFAULT_GROUP}.{relative}"),
                };
                let server = names.guid.clone();
                let found = self.ask(&mut names, &server, "resolve", &[name.into()]).await?;
                let Value::Remote(found) = found else {
                    return Err(protocol(format!("expected a URI from the name server, found {found:?}")));
                };
                debug!(name = %self.uri.object, uri = %found.uri, "found in the name server");
                found.uri.parse()?
            }
        };
        let Some((host, port)) = &uri.location else {
            return Err(protocol(format!("{uri} names no daemon")));
        };
        let mut open = self.connect(host, *port, uri.tls).await?;
        open.guid = match uri.scheme {
            Scheme::Loc => self.locate(&mut open, &uri.object).await?,
            _ => uri.object,
        };
        Ok(open)
    }

    fn deadline(&self, call: &Call<'_>) -> Option<Instant> {
        let by_timeout = self.config.timeout.map(|timeout| Instant::now() + timeout);
        let by_call = call.options.deadline.map(Instant::from_std);
        match (by_timeout, by_call) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    // The connection, and the place that it goes back to where it stays fit for another call.
    async fn take(&self, deadline: Option<Instant>) -> Result<(MutexGuard<'_, Option<Box<Open>>>, Box<Open>)> {
        let mut slot = match self.open.try_lock() {
            Ok(slot) => slot,
            Err(_) => within(deadline, async { Ok(self.open.lock().await) }).await?,
        };
        let mut kept = slot.take();
        if let Some(open) = &mut kept
            && !open.is_usable().await
        {
            kept = None;
        }
        if let Some(open) = kept {
            return Ok((slot, open));
        }
        let soon = Instant::now() + self.config.connect_timeout;
        let soon = deadline.map_or(soon, |deadline| deadline.min(soon));
        let open = Box::new(Box::pin(within(Some(soon), self.open())).await?);
        self.version.store(open.version, Ordering::Relaxed);
        Ok((slot, open))
    }

    // A question to the daemon itself.
    async fn ask_daemon(&self, method: &str) -> Result<(Value, String)> {
        let deadline = self.config.timeout.map(|timeout| Instant::now() + timeout);
        let (mut slot, mut open) = self.take(deadline).await?;
        let answer = within(deadline, self.ask(&mut open, DAEMON_GUID, method, &[])).await?;
        let guid = open.guid.clone();
        *slot = Some(open);
        Ok((answer, guid))
    }

    async fn exchange(&self, call: &Call<'_>) -> Result<Reply> {
        let deadline = self.deadline(call);
        let (mut slot, mut open) = self.take(deadline).await?;
        if let Err(e) = self.append(&mut open, |out, guid| self.write(out, guid, call)) {
            *slot = Some(open);
            return Err(e);
        }
        self.send(&mut open, deadline).await?;
        if call.options.oneway {
            *slot = Some(open);
            return Ok(Reply::from(Value::Null));
        }
        let body = within(deadline, open.frame(&self.config.limits)).await.map_err(maybe_executed)?;
        self.result(slot, open, body).map(Reply::from)
    }

    // A typed call without a deadline: a short answer is read where it lies.
    async fn exchange_typed<A: Args, T: DeserializeOwned>(&self, info: &'static MethodInfo, args: &A) -> Result<T> {
        let (mut slot, mut open) = self.take(None).await?;
        let instances = self.config.instances;
        let written = self.append(&mut open, |out, guid| {
            write_call(out, instances, guid, &info.name, false, &Payload::borrowed(args), None)
        });
        if let Err(e) = written {
            *slot = Some(open);
            return Err(e);
        }
        self.send(&mut open, None).await?;
        let limits = &self.config.limits;
        let header = open.whole(limits).await.map_err(maybe_executed)?;
        let body = open.inbound.bytes().get(wire::HEADER..header.frame_len()).filter(|_| header.is_plain());
        if let Some(mut answer) = body.and_then(|body| plain::answer(body, limits.budget())) {
            let read = de::from_source(&mut answer);
            open.inbound.pass(header.frame_len());
            *slot = Some(open);
            return read.map_err(|e| info.wrong_result(e));
        }
        let body = open.frame(limits).await.map_err(maybe_executed)?;
        Reply::from(self.result(slot, open, body)?).read(info)
    }

    fn append(&self, open: &mut Open, call: impl FnOnce(&mut Output, &str) -> Result<()>) -> Result<()> {
        let style = self.style(open);
        let Open { outbound, guid, .. } = open;
        wire::write_frame(&mut outbound.output, style, &self.config.limits, |out| call(out, guid))
    }

    async fn send(&self, open: &mut Open, deadline: Option<Instant>) -> Result<()> {
        let before = open.outbound.total_written();
        within(deadline, open.flush()).await.map_err(|e| {
            let sent = if open.outbound.total_written() == before { Reached::NotSent } else { Reached::MaybeExecuted };
            e.with_reached(sent)
        })
    }

    // What an answer's body comes to. The connection goes back to its place, unless the daemon closes it now.
    fn result(
        &self,
        mut slot: MutexGuard<'_, Option<Box<Open>>>,
        open: Box<Open>,
        body: Bytes,
    ) -> Result<Payload<'static>> {
        let raised = self.raised(&body);
        if !raised.as_ref().and_then(Error::exception).is_some_and(fault::ends_connection) {
            *slot = Some(open);
        }
        match raised {
            Some(e) => Err(e),
            None => Ok(Payload::wire(body, 0, &pickle::FORMAT, self.config.limits.budget())),
        }
    }

    fn write(&self, out: &mut Output, guid: &str, call: &Call<'_>) -> Result<()> {
        let instances = self.config.instances;
        match call.kind {
            CallKind::Method => {
                let oneway = call.options.oneway;
                write_call(out, instances, guid, call.method, oneway, &call.args, call.kwargs.as_ref())
            }
            CallKind::GetAttr => {
                let args = Payload::from(Value::Tuple(vec![call.method.into()]));
                write_call(out, instances, guid, "_r_ga", false, &args, None)
            }
            CallKind::SetAttr => {
                let value = call.args.decode::<Vec<Value>>()?.pop().unwrap_or_default();
                let args = (call.method, value);
                write_call(out, instances, guid, "_r_sa", false, &Payload::borrowed(&args), None)
            }
        }
    }
}

fn maybe_executed(e: Error) -> Error {
    e.with_reached(Reached::MaybeExecuted)
}

async fn within<T>(deadline: Option<Instant>, step: impl Future<Output = Result<T>>) -> Result<T> {
    match deadline {
        None => step.await,
        Some(deadline) => match timeout_at(deadline, step).await {
            Ok(done) => done,
            Err(_) => Err(Error::new(ErrorKind::Timeout, "the call took longer than allowed")),
        },
    }
}

impl Proxy {
    /// A proxy with default settings.
    ///
    /// # Errors
    /// [`ErrorKind::Name`] for a URI that cannot be read; those of [`ProxyBuilder::build`].
    pub fn new(uri: &str) -> Result<Self> {
        Self::builder(uri)?.build()
    }

    /// A proxy with settings.
    ///
    /// # Errors
    /// [`ErrorKind::Name`] for a URI that cannot be read.
    pub fn builder(uri: &str) -> Result<ProxyBuilder> {
        let ident = Ident::none();
        let config = Config {
            timeout: None,
            connect_timeout: Duration::from_secs(10),
            broadcast: format!("255.255.255.255:{NAME_SERVER_PORT}"),
            token: Arc::new(move |challenge| ident.token(challenge)),
            compress: false,
            checksum: false,
            instances: false,
            limits: Limits::default(),
            secure: ClientSide::default(),
        };
        Ok(ProxyBuilder { uri: uri.parse()?, config })
    }

    /// Where the object is.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.inner.uri
    }

    /// Calls a method.
    ///
    /// # Errors
    /// [`ErrorKind::Remote`] with the exception that the method raised, and every way in which a connection fails.
    pub async fn call<T: DeserializeOwned>(&self, method: &str, args: impl Args) -> Result<T> {
        self.read(Service::call(self, &Call::new(method, &args)).await?)
    }

    fn read<T: DeserializeOwned>(&self, reply: Reply) -> Result<T> {
        reply.result.decode().map_err(|e| e.with_reached(Reached::Answered).with_endpoint(&self.inner.uri))
    }

    /// A call with more to it: keyword arguments, a deadline, no answer.
    pub fn request<'a>(&'a self, method: &'a str) -> Request<'a, Self> {
        Request::new(self, &self.inner.uri, method)
    }

    /// Reads an attribute.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn get_attr<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let call = Call { kind: CallKind::GetAttr, ..Call::new(name, &()) };
        self.read(Service::call(self, &call).await?)
    }

    /// Sets an attribute.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn set_attr(&self, name: &str, value: impl serde::Serialize + Sync) -> Result<()> {
        let args = (value,);
        let call = Call { kind: CallKind::SetAttr, ..Call::new(name, &args) };
        Service::call(self, &call).await.map(|_| ())
    }

    /// Connects, unless it is connected already, and asks the daemon whether it has the object.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when it has not, and every way in which a connection fails.
    pub async fn ping(&self) -> Result<()> {
        let (all, guid) = self.inner.ask_daemon("getRegistered").await.map_err(|e| e.with_endpoint(self.uri()))?;
        match all.field(&guid) {
            Some(_) => Ok(()),
            None => {
                Err(Error::new(ErrorKind::NotFound, "the daemon has no object of this id").with_endpoint(self.uri()))
            }
        }
    }

    /// The names of the objects that the daemon serves, sorted, without its own.
    ///
    /// # Errors
    /// Every way in which a connection fails.
    pub async fn registered(&self) -> Result<Vec<String>> {
        let (all, _) = self.inner.ask_daemon("getRegistered").await.map_err(|e| e.with_endpoint(self.uri()))?;
        let pairs = all.as_pairs().unwrap_or_default().iter();
        let pairs = pairs.filter(|(guid, _)| guid.as_str() != Some(DAEMON_GUID));
        let mut names: Vec<String> = pairs.filter_map(|(_, name)| name.as_str().map(str::to_owned)).collect();
        names.sort();
        Ok(names)
    }

    /// What the object offers, if its daemon is one of Springline's: Python's have no way to tell.
    ///
    /// # Errors
    /// Every way in which a connection fails.
    pub async fn describe_remote(&self) -> Result<Option<ServiceInfo>> {
        match self.get_attr::<Value>(listing::ATTRIBUTE).await {
            Ok(value) => Ok(Some(listing::read(&value))),
            Err(e) if e.exception().is_some_and(|x| x.is("AttributeError")) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// The wire version of the last connection, 4 or 5; `None` before the first.
    #[must_use]
    pub fn version(&self) -> Option<u16> {
        Some(self.inner.version.load(Ordering::Relaxed)).filter(|version| *version != 0)
    }

    /// Closes the connection, unless a call is under way. The next call opens another.
    pub fn release(&self) {
        if let Ok(mut slot) = self.inner.open.try_lock() {
            slot.take();
        }
    }

    /// A proxy for a reference that came as a value, with default settings.
    ///
    /// # Errors
    /// [`ErrorKind::Name`] for a URI that is none of Pyro 3, [`ErrorKind::Config`] for one over TLS: see
    /// [`another`](Self::another).
    pub fn for_ref(remote: &RemoteRef) -> Result<Self> {
        Self::new(&remote.uri)
    }

    /// The same settings for another object.
    ///
    /// # Errors
    /// [`ErrorKind::Name`] for a URI that cannot be read, [`ErrorKind::Config`] for one over TLS where this proxy has no
    /// authorities.
    pub fn another(&self, uri: &str) -> Result<Self> {
        ProxyBuilder { uri: uri.parse()?, config: self.inner.config.clone() }.build()
    }

    /// A reference to the object, to be passed as an argument or result.
    #[must_use]
    pub fn to_ref(&self) -> RemoteRef {
        RemoteRef::proxy(self.inner.uri.to_string())
    }
}

impl Service for Proxy {
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(self.call_unboxed(call))
    }

    async fn call_unboxed<'a>(&'a self, call: &'a Call<'a>) -> Result<Reply> {
        self.inner.exchange(call).await.map_err(|e| e.with_endpoint(&self.inner.uri))
    }

    async fn call_typed<'a, A: Args, T: DeserializeOwned + 'static>(
        &'a self,
        info: &'static MethodInfo,
        args: &'a A,
    ) -> Result<T> {
        if info.kind != CallKind::Method || info.oneway || self.inner.config.timeout.is_some() {
            return Box::pin(self.call_unboxed(&Call::typed(info, args))).await?.read(info);
        }
        self.inner.exchange_typed(info, args).await.map_err(|e| e.with_endpoint(&self.inner.uri))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({})", self.inner.uri)
    }
}
