//! Streams of Hessian through a gateway: they go on as they come, and are never held.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use springline::hessian::client::HessianProxy;
use springline::hessian::server::{BinaryStream, HessianServer, HessianServiceExporter};
use springline::{Error, ErrorKind, Exception, FnService};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};

use crate::java::java;
use crate::large::held;
use crate::support::{program, workspace};
use crate::{Beside, File, serve};

const MB: usize = 1_000_000;
const SIZE: usize = 200 * MB;

/// The bytes that Java's service sends and looks for, and what they end with.
struct Pattern {
    at: usize,
    length: usize,
    end: End,
}

#[derive(Clone)]
enum End {
    Well,
    Failure,
    /// None: more is waited for until whoever reads gives up, which is noted.
    Never {
        _noted: Arc<Noted>,
    },
}

/// Tells when nobody has it any more.
struct Noted(Arc<AtomicBool>);

impl Drop for Noted {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Pattern {
    fn new(length: usize) -> Self {
        Self { at: 0, length, end: End::Well }
    }
}

impl AsyncRead for Pattern {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let n = out.remaining().min(self.length - self.at);
        if n == 0 {
            return match self.end {
                End::Well => Poll::Ready(Ok(())),
                End::Failure => Poll::Ready(Err(std::io::Error::other("the disk is gone"))),
                End::Never { .. } => Poll::Pending,
            };
        }
        let bytes: Vec<u8> = (self.at..self.at + n).map(|i| (i % 251) as u8).collect();
        out.put_slice(&bytes);
        self.at += n;
        Poll::Ready(Ok(()))
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Waits for something that happens elsewhere.
async fn until(what: &str, done: impl Fn() -> bool) {
    let most = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < most, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn java_server() -> (Beside, String) {
    let mut server = Beside::start(&mut java("peer.Server"));
    let line = server.line();
    let ready: serde_json::Value = serde_json::from_str(line.strip_prefix("READY ").expect(&line)).unwrap();
    (server, format!("{}/thing", ready["base"].as_str().unwrap()))
}

/// `more` belongs to the exporter.
fn gateway(url: &str, more: &str) -> String {
    format!(
        "[objects.backend]\nclass = 'hessian.ProxyFactory'\nservice_url = '{url}'\n\
         [objects.gateway]\nclass = 'hessian.ServiceExporter'\nhost = '127.0.0.1'\nservice = {{ ref = 'backend' }}\n\
         uploads = ['upload(name, data)']\ndownloads = ['download(n)', 'nothing']\n{more}\n"
    )
}

#[test]
fn java_on_both_sides() {
    let (_server, url) = java_server();
    for (dialect, mangled, features) in [("h1", false, 4), ("mixed", true, 3), ("h2", false, 3)] {
        let text = gateway(&url, "port = 0").replace("service_url", &format!("overload = {mangled}\nservice_url"));
        let file = File::new("streams-java.toml", &text);
        let served = serve(&file, &[]);
        let url = served.uri("gateway");
        let output = java("peer.Client")
            .args(["--url", url, "--auth", url, "--raw", url, "--dialect", dialect, "--feature", "stream:"])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{dialect}: {text} {}", String::from_utf8_lossy(&output.stderr));
        let lines: Vec<serde_json::Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        // Java's client reads no stream of Hessian 2, as it says.
        assert_eq!(lines.iter().filter(|line| line["ok"] == true).count(), features, "{dialect}: {text}");
    }
}

#[test]
fn two_hundred_megabytes_to_java_and_back() {
    let (server, url) = java_server();
    let file = File::new("streams-large.toml", &gateway(&url, "port = 0"));
    let served = serve(&file, &[]);
    let proxy = HessianProxy::new(served.uri("gateway")).unwrap();
    runtime().block_on(async {
        // Other methods go their usual way, and set up what is set up once.
        assert_eq!(proxy.call::<i64>("add", (40, 2)).await.unwrap(), 42);
        let got: String = proxy.upload("upload", ("up",), Pattern::new(MB)).await.unwrap();
        assert_eq!(got, "up: 1000000 bytes");
        let (_, before) = held(&served);
        let got: String = proxy.upload("upload", ("up",), Pattern::new(SIZE)).await.unwrap();
        assert_eq!(got, format!("up: {SIZE} bytes"));
        let mut stream = proxy.download("download", (SIZE as i32,)).await.unwrap();
        let mut came = 0;
        while let Some(piece) = stream.chunk().await.unwrap() {
            if came == 0 {
                // So that there is time for all of it to come, if anybody took it.
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            let right = piece.iter().enumerate().all(|(i, b)| usize::from(*b) == (came + i) % 251);
            assert!(right, "behind byte {came}");
            came += piece.len();
        }
        assert_eq!(came, SIZE);
        let (most, _) = held(&served);
        let more = most.saturating_sub(before);
        println!("{:.1} MB more were held while twice {} MB went through", more as f64 / 1e6, SIZE / MB);
        assert!(more < 8 * MB, "{more} bytes were held");

        // What Java says instead of taking or giving a stream.
        let e = proxy.download("download", ("no number",)).await.unwrap_err();
        assert!(e.exception().is_some(), "{e}");
        // A method that gives null in place of a stream.
        assert_eq!(proxy.call::<Option<i32>>("nothing", ()).await.unwrap(), None);

        // Java goes away in the middle.
        let mut stream = proxy.download("download", (i32::MAX,)).await.unwrap();
        stream.chunk().await.unwrap();
        let (mut writer, reader) = tokio::io::duplex(65536);
        let call = proxy.upload::<String>("upload", ("up",), reader);
        let sending = async {
            writer.write_all(&vec![0; MB]).await.unwrap();
            drop(server);
            // The stream ends with the call only.
            while writer.write_all(&[0; 1000]).await.is_ok() {}
        };
        let (uploaded, ()) = tokio::join!(async { call.await.map(|_: String| ()) }, sending);
        let e = uploaded.unwrap_err();
        assert!(e.exception().is_some_and(|e| e.message.contains("cannot be reached")), "{}", e.report());
        let broken = loop {
            match stream.chunk().await {
                Ok(Some(_)) => {}
                other => break other,
            }
        };
        assert_eq!(broken.unwrap_err().kind(), ErrorKind::Protocol);
    });
}

/// More than anybody waits for.
const ENDLESS: i64 = i64::MAX - 1;

/// A store of ours: what it says of itself, and how its streams ended.
#[derive(Clone, Default)]
struct Store {
    name: &'static str,
    ends: Arc<Mutex<Vec<bool>>>,
    taken: Arc<AtomicUsize>,
    let_go: Arc<AtomicBool>,
    upload_over: Arc<AtomicBool>,
}

impl Store {
    /// `download` gives so many bytes, and ends as the sign says.
    async fn serve(&self) -> HessianServer {
        let (store, giving) = (self.clone(), self.clone());
        let name = self.name;
        HessianServiceExporter::builder(
            FnService::new("store").method("name", [], move |(): ()| std::future::ready(Ok(name.to_owned()))),
        )
        .upload("upload", ["name"], move |(name,): (String,), mut data: BinaryStream| {
            let store = store.clone();
            async move {
                let _noted = Noted(store.upload_over.clone());
                let end = loop {
                    match data.chunk().await {
                        Ok(Some(_)) if name == "refused" => {
                            return Err(Error::remote(Exception::new("com.example.FullException", "no room")));
                        }
                        Ok(Some(piece)) => store.taken.fetch_add(piece.len(), Ordering::SeqCst),
                        Ok(None) => break Ok(()),
                        Err(e) => break Err(e),
                    };
                };
                store.ends.lock().unwrap().push(end.is_ok());
                end.map(|()| format!("{name} at {}: {}", store.name, store.taken.load(Ordering::SeqCst)))
            }
        })
        .download("download", ["n"], move |(n,): (i64,)| {
            let noted = Arc::new(Noted(giving.let_go.clone()));
            async move {
                let end = match n {
                    0 => {
                        // Neither an answer nor an end.
                        let _noted = noted;
                        std::future::pending::<()>().await;
                        End::Well
                    }
                    n if n % 2 == 1 => End::Failure,
                    ENDLESS => End::Never { _noted: noted },
                    _ => End::Well,
                };
                Ok(Pattern { at: 0, length: n as usize, end })
            }
        })
        .port(0)
        .serve()
        .await
        .unwrap()
    }
}

async fn to_its_end(stream: &mut springline::hessian::client::Download<'_>) -> Result<usize, Error> {
    let mut came = 0;
    while let Some(piece) = stream.chunk().await? {
        came += piece.len();
    }
    Ok(came)
}

/// A stream that breaks off must not seem to have come to its end.
#[test]
fn streams_that_break_off() {
    let runtime = runtime();
    let store = Store { name: "store", ..Store::default() };
    let server = runtime.block_on(store.serve());
    let file = File::new("streams-broken.toml", &gateway(&server.url(), "port = 0"));
    let served = serve(&file, &[]);
    let proxy = HessianProxy::new(served.uri("gateway")).unwrap();
    let ends = || store.ends.lock().unwrap().clone();
    runtime.block_on(async {
        let got: String = proxy.upload("upload", ("a",), Pattern::new(500_000)).await.unwrap();
        assert_eq!(got, "a at store: 500000");
        // By whoever sends it: cut in the middle, and given up while it waits for more.
        // Of more than what waits to be sent, which is lost.
        let failing = Pattern { end: End::Failure, ..Pattern::new(5 * MB) };
        assert!(proxy.upload::<String>("upload", ("a",), failing).await.is_err());
        until("the store is told of the failure", || ends().len() == 2).await;
        let sender_gone = Arc::new(AtomicBool::new(false));
        let waiting = End::Never { _noted: Arc::new(Noted(sender_gone.clone())) };
        let before = store.taken.load(Ordering::SeqCst);
        let sending = tokio::spawn({
            let proxy = proxy.clone();
            async move {
                let data = Pattern { end: waiting, ..Pattern::new(100_000) };
                proxy.upload::<String>("upload", ("a",), data).await
            }
        });
        // All that there is has come, though the stream goes on.
        until("the pieces go on", || store.taken.load(Ordering::SeqCst) == before + 100_000).await;
        sending.abort();
        until("the store is told of the end", || ends().len() == 3).await;
        assert_eq!(ends(), [true, false, false]);
        assert!(sender_gone.load(Ordering::SeqCst));
        // By the store, with an exception of its own, long before the end.
        let e = proxy.upload::<String>("upload", ("refused",), Pattern::new(SIZE)).await.unwrap_err();
        assert!(e.exception().is_some_and(|e| e.is("com.example.FullException")), "{}", e.report());

        // The other way: by the store,
        let mut stream = proxy.download("download", (5 * MB as i64 + 1,)).await.unwrap();
        let e = to_its_end(&mut stream).await.unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Protocol);
        let mut stream = proxy.download("download", (100_000,)).await.unwrap();
        assert_eq!(to_its_end(&mut stream).await.unwrap(), 100_000);
        // and by a reader who goes.
        store.let_go.store(false, Ordering::SeqCst);
        let mut stream = proxy.download("download", (ENDLESS,)).await.unwrap();
        stream.chunk().await.unwrap();
        drop(stream);
        until("the store lets the stream go", || store.let_go.load(Ordering::SeqCst)).await;
    });
}

/// The time that the gateway gives ends what the store does, before the stream and in it.
#[test]
fn deadlines() {
    let runtime = runtime();
    let store = Store { name: "store", ..Store::default() };
    let server = runtime.block_on(store.serve());
    let file = File::new("streams-deadline.toml", &gateway(&server.url(), "port = 0\ndeadline = 0.5"));
    let served = serve(&file, &[]);
    let proxy = HessianProxy::new(served.uri("gateway")).unwrap();
    runtime.block_on(async {
        let e = proxy.download("download", (0,)).await.unwrap_err();
        assert!(e.exception().is_some_and(|e| e.message.contains("took too long")), "{}", e.report());
        until("the store gives up", || store.let_go.swap(false, Ordering::SeqCst)).await;
        let mut stream = proxy.download("download", (ENDLESS,)).await.unwrap();
        assert!(to_its_end(&mut stream).await.is_err());
        until("the store lets the stream go", || store.let_go.load(Ordering::SeqCst)).await;
        let waiting = End::Never { _noted: Arc::new(Noted(Arc::default())) };
        let data = Pattern { end: waiting, ..Pattern::new(1000) };
        let e = proxy.upload::<String>("upload", ("a",), data).await.unwrap_err();
        assert!(e.exception().is_some_and(|e| e.message.contains("took too long")), "{}", e.report());
        until("the store takes no more", || store.upload_over.load(Ordering::SeqCst)).await;
    });
}

#[test]
fn a_reload_keeps_streams_that_run() {
    let runtime = runtime();
    let (one, two) = (Store { name: "one", ..Store::default() }, Store { name: "two", ..Store::default() });
    let (first, second) = runtime.block_on(async { (one.serve().await, two.serve().await) });
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let text = |server: &HessianServer, more: &str| gateway(&server.url(), &format!("port = {port}\n{more}"));
    let file = File::new("streams-reload.toml", &text(&first, ""));
    let served = serve(&file, &[]);
    let proxy = HessianProxy::new(served.uri("gateway")).unwrap();
    runtime.block_on(async {
        let (mut writer, reader) = tokio::io::duplex(65536);
        let uploading = tokio::spawn({
            let proxy = proxy.clone();
            async move { proxy.upload::<String>("upload", ("up",), reader).await }
        });
        writer.write_all(&[7; 1000]).await.unwrap();
        until("the upload is under way", || one.taken.load(Ordering::SeqCst) == 1000).await;
        let mut stream = proxy.download("download", ((SIZE / 4) as i64,)).await.unwrap();
        let came = stream.chunk().await.unwrap().unwrap().len();
        // Both the proxy and the exporter are others afterwards.
        file.write(&text(&second, "deflate = true"));
        served.program.signal("HUP");
        while proxy.call::<String>("name", ()).await.unwrap() == "one" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(came + to_its_end(&mut stream).await.unwrap(), SIZE / 4);
        writer.write_all(&[7; 1_000_000]).await.unwrap();
        drop(writer);
        assert_eq!(uploading.await.unwrap().unwrap(), "up at one: 1001000");
        let got: String = proxy.upload("upload", ("up",), Pattern::new(10)).await.unwrap();
        assert_eq!(got, "up at two: 10");
    });
}

#[test]
fn what_cannot_take_streams_is_told() {
    for (wrong, text) in [
        (
            gateway("http://localhost:1/", "").replace("hessian.ProxyFactory'\nservice_url", "xmlrpc.SSLClient'\nuri"),
            "upload() goes on to a proxy of Hessian only",
        ),
        (
            gateway("http://localhost:1/", "").replace("upload(name, data)", "upload"),
            "expected a method with all its parameters, the last of them the stream",
        ),
        (gateway("http://localhost:1/", "").replace("download(n)", "download(n"), "expected a method as in name"),
    ] {
        let file = File::new("streams-wrong.toml", &wrong);
        let output = program().args(["check", file.path()]).current_dir(workspace()).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && errors.contains(text), "{errors}");
        assert!(errors.contains("gateway"), "{errors}");
    }
}
