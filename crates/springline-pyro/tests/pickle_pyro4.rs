//! Pickle as Pyro 4's opt-in serializer: live against Pyro4 4.82, both ways, and the recorded conversations with pickle,
//! dill and cloudpickle.

#[path = "differential/json_support.rs"]
mod json;
#[path = "support/python.rs"]
mod python;

use std::process::Stdio;
use std::time::Duration;

use json::unhex;
use springline_core::service::{BoxFuture, Call, Reply, Service};
use springline_core::{Budget, Bytes, Error, ErrorKind, Exception, RemoteRef, Value};
use springline_pyro::codec::pickle;
use springline_pyro::{Daemon, Generation, Proxy, Serializer, Version, fault};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(120);

fn command(arg: &str) -> Command {
    let mut command = Command::new(python::python());
    command
        .args(["-B", arg])
        .env("PYTHONHASHSEED", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Starts Python's server and gives its URI.
async fn server() -> (Child, String) {
    let script = python::programs().join("server.py");
    let mut child = command(script.to_str().unwrap()).args(["--gen", "4"]).spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    timeout(PATIENCE, stdout.read_line(&mut line)).await.unwrap().unwrap();
    let ready: serde_json::Value = serde_json::from_str(line.strip_prefix("READY ").expect("a server")).unwrap();
    (child, ready["uri"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn rust_calls_python() {
    let (_child, uri) = server().await;
    let proxy = Proxy::builder(&uri).unwrap().serializer(Serializer::Pickle).build().unwrap();
    assert_eq!(proxy.call::<String>("get_data", ("Hello",)).await.unwrap(), "You got remote data => Hello");
    assert_eq!(proxy.version(), Some(Version::V48));
    let when = springline_core::DateTime::parse("2020-01-02T03:04:05.000678+01:00").unwrap();
    let shared = Value::List(vec![1.into()]);
    for value in [
        Value::Null,
        Value::I64(i64::MIN),
        "é😀".into(),
        Value::Bytes(Bytes::from_static(b"\x00\xff")),
        Value::Bytes(vec![7; 100_000].into()),
        Value::Tuple(vec![Value::Complex(1.0, -2.0), Value::Decimal("1.50".into()), when.into()]),
        Value::Set(vec![Value::Tuple(vec![1.into()])]),
        Value::Map(vec![(Value::I64(1), Value::Map(vec![])), (Value::Null, Value::FrozenSet(vec![]))]),
        // What is shared, and what contains itself.
        Value::List(vec![shared, Value::Back(1), Value::Back(0)]),
    ] {
        let expected = match &value {
            Value::I64(_) => value.clone(),
            other => normal(other),
        };
        assert_eq!(proxy.call::<Value>("echo", (value,)).await.unwrap(), expected);
    }
    assert_eq!(proxy.call::<String>("types", (Blob(b"a"),)).await.unwrap(), "bytes");
    assert_eq!(proxy.request("add").args((1,)).kwarg("b", 2).kwarg("c", 3).send::<i64>().await.unwrap(), 6);
    let e = proxy.call::<Value>("fail", ("attrs", "text")).await.unwrap_err();
    let x = e.exception().unwrap();
    assert!(x.is("ValueError") && x.message == "text", "{x:?}");
    assert_eq!(x.attribute("code"), Some(&Value::I64(42)));
    assert!(x.traceback.as_deref().is_some_and(|t| t.contains("raise_it")), "{x:?}");
    let e = proxy.call::<Value>("fail", ("naming", "no such name")).await.unwrap_err();
    assert!(e.exception().is_some_and(|x| x.class == "Pyro4.errors.NamingError"), "{e:?}");
    let results = proxy.batch().call("add", (1, 2)).call("fail", ("key", "k")).send().await.unwrap();
    assert_eq!(results[0].as_ref().unwrap(), &Value::I64(3));
    assert!(results[1].as_ref().unwrap_err().exception().is_some_and(|x| x.is("KeyError")), "{results:?}");
    let other: RemoteRef = proxy.call("give_proxy", ()).await.unwrap();
    assert!(other.proxy && other.methods.contains(&"who".to_owned()), "{other:?}");
    let uri: RemoteRef = proxy.call("give_uri", ()).await.unwrap();
    assert!(!uri.proxy, "{uri:?}");
    let other = Proxy::builder(&other.uri).unwrap().serializer(Serializer::Pickle).build().unwrap();
    assert_eq!(other.call::<String>("who", ()).await.unwrap(), "other");
}

/// Integers as Python has them.
fn normal(value: &Value) -> Value {
    match value {
        Value::I32(v) => Value::I64((*v).into()),
        Value::List(v) => Value::List(v.iter().map(normal).collect()),
        Value::Tuple(v) => Value::Tuple(v.iter().map(normal).collect()),
        Value::Set(v) => Value::Set(v.iter().map(normal).collect()),
        other => other.clone(),
    }
}

#[derive(serde::Serialize)]
struct Blob<'a>(#[serde(serialize_with = "bytes")] &'a [u8]);

fn bytes<S: serde::Serializer>(bytes: &&[u8], s: S) -> Result<S::Ok, S::Error> {
    s.serialize_bytes(bytes)
}

#[tokio::test]
async fn pickle_is_refused_unless_asked_for() {
    let daemon = Daemon::bind("127.0.0.1:0").await.unwrap();
    let uri = daemon.register("thing", Echo).unwrap();
    for serializer in Serializer::PICKLES {
        let proxy = Proxy::builder(&uri.to_string()).unwrap().serializer(serializer).build().unwrap();
        let e = proxy.call::<Value>("echo", (1,)).await.unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Denied);
        assert!(e.to_string().contains("serializer that is not accepted"), "{e}");
        let five = Proxy::builder(&uri.to_string()).unwrap().serializer(serializer).version(Version::V502).build();
        assert_eq!(five.unwrap_err().kind(), ErrorKind::Config);
    }
}

struct Echo;

impl Service for Echo {
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, springline_core::Result<Reply>> {
        let args = call.args.decode::<Vec<Value>>();
        let kwargs = call.kwargs.as_ref().map(|k| k.by_ref().into_value());
        Box::pin(std::future::ready(args.and_then(|args| {
            let first = args.first().cloned().unwrap_or_default();
            match call.method {
                "echo" => Ok(Reply::from(first)),
                "both" => {
                    Ok(Reply::from(Value::Tuple(vec![Value::Tuple(args), kwargs.transpose()?.unwrap_or_default()])))
                }
                class => {
                    let mut e = Exception::new(class, "bad").with_attribute("extra", 7);
                    e.args = vec!["bad".into(), first];
                    Err(Error::remote(e))
                }
            }
        })))
    }
}

const CLIENT: &str = r#"
import sys, datetime, decimal
import Pyro4, Pyro4.util, Pyro4.errors
Pyro4.config.SERIALIZER = "pickle"
Pyro4.config.SERIALIZERS_ACCEPTED = {"pickle"}
Pyro4.config.PICKLE_PROTOCOL_VERSION = int(sys.argv[2])
Pyro4.config.METADATA = False
p = Pyro4.Proxy(sys.argv[1])

class Thing(object):
    def __init__(self, x):
        self.x = x

class Thing2(Exception):
    pass

shared = [1]
ring = [shared, shared]
ring.append(ring)
got = p.echo(ring)
assert got[0] == [1] and got[0] is got[1] and got[2] is got, got
for x in (None, 2**70, -2**63, "\xe9\U0001f600", b"\x00\xff", b"", (1, {2}, frozenset([3])), {None: 1.5, (1,): complex(1, 2)},
          decimal.Decimal("1.50"), datetime.datetime(2020, 1, 2, 3, 4, 5, 678), datetime.date(2020, 1, 2),
          datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=-5))), datetime.timedelta(1, 2, 3),
          "x" * 100000, b"x" * 100000):
    got = p.echo(x)
    assert got == x and type(got) is type(x), (x, got)
assert p.echo(Thing(5)) == {"__class__": "__main__.Thing", "x": 5}
args, kwargs = p.both(shared, 2, k=shared)
assert (args, kwargs) == (([1], 2), {"k": [1]}), (args, kwargs)
assert p.echo(Pyro4.URI("PYRO:a@b:1")) == Pyro4.URI("PYRO:a@b:1")
try:
    p.ValueError(2)
except ValueError as e:
    assert e.args == ("bad", 2) and e.extra == 7, e
    assert hasattr(e, "_pyroTraceback")
else:
    raise AssertionError("nothing raised")
try:
    getattr(p, "NamingError")(2)
except Pyro4.errors.NamingError as e:
    assert e.args == ("bad", 2)
else:
    raise AssertionError("nothing raised")
try:
    getattr(p, "bank.BankError")(2)
except Pyro4.errors.PyroError as e:
    assert "bank.BankError" in str(e) and e.remote_class == "bank.BankError"
else:
    raise AssertionError("nothing raised")
batch = Pyro4.batch(p)
batch.echo(1)
batch.ValueError(2)
results = batch()
assert next(results) == 1
try:
    next(results)
except ValueError as e:
    assert e.args == ("bad", 2)
else:
    raise AssertionError("nothing raised")
print("fine")
"#;

#[tokio::test]
async fn python_calls_rust() {
    let daemon = Daemon::builder().serializers([Serializer::Pickle]).bind("127.0.0.1:0").await.unwrap();
    let uri = daemon.register("thing", Echo).unwrap();
    for protocol in ["2", "3", "4", "5"] {
        let mut command = command("-c");
        let child = command.args([CLIENT, &uri.to_string(), protocol]).stderr(Stdio::piped()).spawn().unwrap();
        let output = timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), "fine", "protocol {protocol}: {errors}");
    }
}

/// Every payload in the recordings that is a pickle of one of the three serializers.
fn recorded() -> Vec<(String, bool, Bytes)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/pyro/pyro4-4.82-pickle");
    let mut all = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for path in files.into_iter().filter(|path| path.extension().is_some_and(|e| e == "json")) {
        let case: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for (i, message) in case["messages"].as_array().unwrap().iter().enumerate() {
            let frame = Bytes::from(unhex(message["hex"].as_str().unwrap()));
            let Ok(Some(header)) = springline_pyro::wire::parse_header(&frame) else { continue };
            let limits = springline_core::Limits::default();
            let message = springline_pyro::wire::open(&header, frame, &limits, None);
            // Signed ones need the key, which is no matter of pickles.
            let Ok(message) = message else { continue };
            if Serializer::from_id(header.serializer, Generation::Pyro4).is_some_and(Serializer::is_pickle) {
                let is_call = header.kind == springline_pyro::wire::MessageKind::Invoke;
                let name = format!("{} message {i}", path.file_stem().unwrap().to_string_lossy());
                all.push((name, is_call, message.payload));
            }
        }
    }
    all
}

#[test]
fn recorded_pickles_are_read() {
    let all = recorded();
    assert!(all.len() > 150, "only {}", all.len());
    let (mut calls, mut exceptions, mut remotes) = (0, 0, 0);
    for (name, is_call, payload) in &all {
        let mut decoder = pickle::Decoder::new(payload, 0, Budget::default());
        let value = Value::read(&mut decoder).unwrap_or_else(|e| panic!("{name}: {e}"));
        decoder.finish().unwrap();
        if *is_call && value.get(3).is_some() && value.get(1).and_then(Value::as_str).is_some() {
            calls += 1;
            let parts = pickle::read_call(payload, Budget::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(Some(&*parts.method), value.get(1).and_then(Value::as_str), "{name}");
            let args = Serializer::Pickle.payload(payload.clone(), parts.args_at, Budget::default());
            assert!(args.into_value().unwrap().as_items().is_some(), "{name}");
        }
        if value.class().is_some_and(|c| c.ends_with("Error") || c.ends_with("StopIteration")) {
            exceptions += 1;
            let exception = fault::from_value(value.clone());
            assert!(!exception.class.is_empty(), "{name}");
        }
        remotes += usize::from(matches!(value, Value::Remote(_)));
        for end in (0..payload.len()).step_by(7) {
            assert!(Value::read(&mut pickle::Decoder::new(&payload[..end], 0, Budget::default())).is_err(), "{name}");
        }
    }
    assert!(calls > 50 && exceptions > 2 && remotes > 2, "{calls} {exceptions} {remotes}");
}
