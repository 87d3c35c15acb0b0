//! Request lines.

#[path = "support/raw.rs"]
mod raw;

use std::io::Write;
use std::sync::{Arc, Mutex};

use raw::{Raw, call};
use springline_core::Value;
use springline_xmlrpc::server::{XmlRpcServer, XmlRpcServerBuilder};
use tracing_subscriber::fmt::MakeWriter;

fn builder() -> XmlRpcServerBuilder {
    XmlRpcServer::builder().host("127.0.0.1").port(0).register_sync("echo", ["text"], |(text,): (String,)| Ok(text))
}

async fn echoes(raw: &mut Raw) {
    assert_eq!(raw.call("echo", &["hi"]).await.value(), Value::from("hi"));
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Lines {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

// On one thread, and alone in its program: the subscriber is this thread's, and whether a line is wanted at all is
// remembered for all threads.
#[tokio::test(flavor = "current_thread")]
async fn request_lines() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(lines.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let server = builder().basic_auth_user("r", "user", "secret-password").serve().await.unwrap();
    let mut raw = Raw::connect(&server).await;
    let login = "Authorization: Basic dXNlcjpzZWNyZXQtcGFzc3dvcmQ=";
    let line = |all: &str| all.lines().find(|l| l.contains("springline::xmlrpc::requests")).unwrap_or(all).to_owned();

    raw.post("/RPC2?a=b", &[login], call("echo", &["hi"])).await;
    let all = lines.take();
    let one = line(&all);
    assert!(one.contains("INFO") && one.contains("\"POST /RPC2?a=b HTTP/1.1\" 200 -"), "{one}");
    assert!(one.contains(" 127.0.0.1 - - [") && one.contains("status=200") && one.contains("peer=127.0.0.1:"), "{one}");
    assert!(!all.contains("secret") && !all.contains("dXNlcjp"), "{all}");

    raw.post("/nowhere", &[login], "").await;
    assert!(line(&lines.take()).contains("\"POST /nowhere HTTP/1.1\" 404 -"));
    raw.post("/", &[], "").await;
    assert!(line(&lines.take()).contains("\"POST / HTTP/1.1\" 401 -"));
    raw.post("/RPC2", &[login, "Content-Encoding: br"], "").await;
    assert!(line(&lines.take()).contains("\"POST /RPC2 HTTP/1.1\" 415 -"));
    let mut old = Raw::connect(&server).await;
    old.send("GET / HTTP/1.0\r\nAuthorization: Basic dXNlcjpzZWNyZXQtcGFzc3dvcmQ=\r\n\r\n").await;
    old.answer().await;
    assert!(line(&lines.take()).contains("\"GET / HTTP/1.0\" 405 -"));

    let server = builder().log_requests(false).serve().await.unwrap();
    echoes(&mut Raw::connect(&server).await).await;
    let all = lines.take();
    assert!(!all.contains("springline::xmlrpc::requests"), "{all}");
}
