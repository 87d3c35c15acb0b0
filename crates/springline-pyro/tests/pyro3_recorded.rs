//! Recorded conversations of Pyro 3.16, played again: its client's bytes to our daemon, its server's to our client.

#[path = "differential/json_support.rs"]
mod json;
#[path = "support/pyro3_raw.rs"]
mod raw;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use json::unhex;
use raw::{PATIENCE, read_frame};
use springline_core::service::{BoxFuture, Call, CallKind, Reply, Service};
use springline_core::{Budget, Bytes, Error, Exception, Limits, Output, Result, Value};
use springline_pyro::codec::pickle;
use springline_pyro::pyro3::wire::{Style, parse_header, write_frame};
use springline_pyro::pyro3::{CallParts, DAEMON_GUID, Daemon, Ident, Proxy, fault, read_call};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// One connection.
struct Recording {
    case: String,
    messages: Vec<(bool, Bytes)>,
}

fn recordings() -> Vec<Recording> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/pyro/pyro3-3.16");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut all = Vec::new();
    for path in files.into_iter().filter(|path| path.extension().is_some_and(|e| e == "json")) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if matches!(&*name, "tls-outer" | "broadcast") {
            continue;
        }
        let file: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for connection in 1..=5_i64 {
            let of_it = file["messages"].as_array().unwrap().iter();
            let of_it = of_it.filter(|m| m["conn"].as_i64().unwrap_or(1) == connection);
            let messages: Vec<_> =
                of_it.map(|m| (m["dir"] == "c2s", Bytes::from(unhex(m["hex"].as_str().unwrap())))).collect();
            if !messages.is_empty() {
                all.push(Recording { case: format!("{name} {connection}"), messages });
            }
        }
    }
    all
}

fn body(frame: &Bytes) -> Bytes {
    parse_header(frame).unwrap().unwrap().open(frame.clone(), &Limits::new()).unwrap()
}

fn read(body: &Bytes) -> Value {
    Value::read(&mut pickle::Decoder::new(body, 0, Budget::default())).unwrap()
}

/// A call without what differs from one writer to the other.
fn told(body: &Bytes) -> (String, String, bool, Value, Option<Value>) {
    let CallParts { object, method, oneway, args, kwargs } = read_call(body, Budget::default()).unwrap();
    let args = args.payload(body, Budget::default()).into_value().unwrap();
    let kwargs = kwargs.map(|k| k.payload(body, Budget::default()).into_value().unwrap());
    (object.into_owned(), method.into_owned(), oneway, args, kwargs)
}

// The frames that hold no pickle are the same to the byte, and those that hold one have the header that we write.
#[test]
fn frames_are_written_as_they_were() {
    let (mut tokens, mut frames) = (0, 0);
    for Recording { case, messages } in recordings() {
        if case.starts_with("probe") {
            continue;
        }
        let mut challenge = None;
        for (from_client, frame) in messages.iter().filter(|(_, frame)| frame.starts_with(b"PYRO")) {
            let header = parse_header(frame).unwrap().unwrap();
            let flags = frame[13];
            let body = body(frame);
            if body.len() == 16 && !from_client {
                challenge = Some(body.clone());
            }
            if body.starts_with(b"CONNECT") {
                let challenge = challenge.as_ref().expect("a challenge before");
                let known = [Ident::none(), Ident::passphrase("sesame"), Ident::passphrase("wrong")];
                let of_one = |ident: &Ident| ident.token(challenge) == body[7..];
                tokens += usize::from(known.iter().any(of_one));
                assert!(known[..2].iter().any(of_one) || case.contains("ident"), "{case}");
            }
            if flags & 1 != 0 {
                continue; // another zlib packs otherwise
            }
            let style = Style { version: header.version, compress: false, checksum: flags & 2 != 0 };
            let mut out = Output::new();
            write_frame(&mut out, style, &Limits::new(), |out| {
                out.buf.extend_from_slice(&body);
                Ok(())
            })
            .unwrap();
            assert_eq!(out.to_vec(), *frame, "{case}");
            frames += 1;
        }
    }
    assert!(tokens > 50 && frames > 200, "{tokens} {frames}");
}

/// Gives the recorded answers, one after the other, and notes what it was asked.
#[derive(Default)]
struct Playback {
    answers: Mutex<VecDeque<Value>>,
    asked: Mutex<Vec<(String, Value, Option<Value>)>>,
}

impl Service for Playback {
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(async move {
            let kwargs = call.kwargs.as_ref().map(|k| k.to_value()).transpose()?;
            let method = match call.kind {
                CallKind::Method => call.method.to_owned(),
                kind => format!("{kind:?} {}", call.method),
            };
            self.asked.lock().unwrap().push((method, call.args.to_value()?, kwargs));
            if call.options.oneway {
                return Ok(Reply::from(Value::Null));
            }
            let answer = self.answers.lock().unwrap().pop_front().unwrap_or_default();
            match fault::from_value(&answer) {
                Some(exception) => Err(Error::remote(exception)),
                None => Ok(Reply::from(answer)),
            }
        })
    }
}

// What the answers say, less what only Python's own exceptions have.
fn comparable(value: Value) -> std::result::Result<Value, (String, Vec<Value>)> {
    match fault::from_value(&value) {
        Some(Exception { class, args, .. }) => Err((class, args)),
        None => Ok(value),
    }
}

#[tokio::test]
async fn pythons_client_is_answered() {
    let mut played = 0;
    for Recording { case, messages } in recordings() {
        // Those of other objects than one, of refusals, and of what is wrong on purpose.
        let skipped = [
            "probe",
            "ident",
            "too-busy",
            "unknown",
            "ns-",
            "eventservice",
            "daemon_registered",
            "timeout",
            "attr",
            "deleg_attr",
            "GUID",
            "_under",
        ];
        if skipped.iter().any(|s| case.starts_with(s)) {
            continue;
        }
        let calls: Vec<(bool, Bytes)> = messages.iter().skip(3).cloned().collect();
        let first = calls.iter().filter(|(from_client, _)| *from_client).map(|(_, frame)| told(&body(frame)));
        let Some((guid, ..)) = first.clone().find(|(object, ..)| object != DAEMON_GUID) else { continue };
        let asked: Vec<_> = first.filter(|(object, ..)| object != DAEMON_GUID).collect();
        let answers: Vec<Value> = {
            let mut all = Vec::new();
            let mut last = None;
            for (from_client, frame) in &calls {
                if *from_client {
                    last = Some(told(&body(frame)).0);
                } else if last.as_deref() != Some(DAEMON_GUID) {
                    all.push(read(&body(frame)));
                }
            }
            all
        };
        let service = Arc::new(Playback::default());
        *service.answers.lock().unwrap() = answers.into();
        let daemon = Daemon::builder().instances(true).bind("127.0.0.1:0").await.unwrap();
        let name = if case.starts_with("pyroloc") { "thing" } else { "any" };
        let name = calls
            .iter()
            .filter(|(from_client, _)| *from_client)
            .map(|(_, frame)| told(&body(frame)))
            .find(|(object, method, ..)| object == DAEMON_GUID && method == "ResolvePYROLOC")
            .and_then(|(.., args, _)| args.get(0)?.as_str().map(str::to_owned))
            .unwrap_or_else(|| name.to_owned());
        daemon.register_as(&name, &guid, service.clone()).unwrap();

        let mut stream = TcpStream::connect(daemon.address().to_string()).await.unwrap();
        read_frame(&mut stream).await.expect("a challenge");
        let connect = &messages.iter().find(|(from_client, _)| *from_client).unwrap().1;
        stream.write_all(connect).await.unwrap();
        let mut word = [0; 7];
        stream.read_exact(&mut word).await.unwrap();
        assert_eq!(&word, b"GRANTED", "{case}");
        for (from_client, frame) in &calls {
            if *from_client {
                stream.write_all(frame).await.unwrap();
                continue;
            }
            let got = timeout(PATIENCE, read_frame(&mut stream)).await.unwrap().unwrap_or_else(|| panic!("{case}"));
            assert_eq!(comparable(read(&got)), comparable(read(&body(frame))), "{case}");
        }
        // Oneway calls may run after the answer to what was asked behind them.
        let all_asked = async {
            while service.asked.lock().unwrap().len() < asked.len() {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, all_asked).await.unwrap();
        let mut seen = service.asked.lock().unwrap().clone();
        let mut wanted: Vec<_> = asked.into_iter().map(|(_, method, _, args, kwargs)| (method, args, kwargs)).collect();
        seen.sort_by_key(|call| format!("{call:?}"));
        wanted.sort_by_key(|call| format!("{call:?}"));
        assert_eq!(seen, wanted, "{case}");
        played += 1;
    }
    assert!(played > 20, "{played}");
}

// The server's half: our calls say the same, and its answers are read. Cut anywhere they are errors.
#[tokio::test]
async fn pythons_server_is_called() {
    let mut played = 0;
    for Recording { case, messages } in recordings() {
        if ["probe", "eventservice", "too-busy", "timeout"].iter().any(|s| case.starts_with(s))
            || case.contains("ident")
        {
            continue;
        }
        let calls: Vec<(bool, Bytes)> = messages.iter().skip(3).cloned().collect();
        let Some((_, first)) = calls.iter().find(|(from_client, _)| *from_client) else { continue };
        let (guid, ..) = told(&body(first));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("PYRO://{}/{guid}", listener.local_addr().unwrap());
        let proxy = Proxy::builder(&uri).unwrap().instances(true).timeout(PATIENCE).build().unwrap();
        let (challenge, connect) = (messages[0].1.clone(), messages[1].1.clone());
        let script = calls.clone();
        let (one, object) = (case.clone(), guid.clone());
        let serve = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(&challenge).await.unwrap();
            // The challenge is the recorded one, and so the client's answer to it.
            assert_eq!(read_frame(&mut stream).await.unwrap(), body(&connect), "{one}");
            stream.write_all(b"GRANTED").await.unwrap();
            for (from_client, frame) in script {
                if !from_client {
                    stream.write_all(&frame).await.unwrap();
                    continue;
                }
                let wanted = told(&body(&frame));
                if wanted.0 != object {
                    return;
                }
                let got = told(&read_frame(&mut stream).await.unwrap());
                assert_eq!(got, wanted, "{one}");
            }
        });
        let mut answers = calls.iter().filter(|(from_client, _)| !from_client).map(|(_, frame)| body(frame));
        for (_, frame) in calls.iter().filter(|(from_client, _)| *from_client) {
            let (object, method, oneway, args, kwargs) = told(&body(frame));
            if object != guid {
                break;
            }
            let mut call = Call::new(&method, &());
            call.args = args.into();
            call.kwargs = kwargs.map(Into::into);
            call.options.oneway = oneway;
            let got = Service::call(&proxy, &call).await;
            if oneway {
                got.unwrap();
                continue;
            }
            let wanted = read(&answers.next().unwrap_or_else(|| panic!("{case}: an answer")));
            match (got, fault::from_value(&wanted)) {
                (Ok(reply), None) => assert_eq!(reply.result.into_value().unwrap(), wanted, "{case}"),
                (Err(e), Some(exception)) => assert_eq!(e.exception(), Some(&exception), "{case}"),
                (got, _) => panic!("{case}: {got:?} for {wanted:?}"),
            }
        }
        serve.await.unwrap();
        played += 1;
    }
    assert!(played > 30, "{played}");
}
