//! Attributes, oneway calls, batches, what travels beside the values, remote objects as values.

use std::collections::BTreeMap;

use springline_core::{ErrorKind, RemoteRef, Value};
use springline_pyro::{Proxy, Serializer, Version};

use crate::call::{Ctx, Failure, Features, Outcome, check, failed, fired, raised, works};
use crate::table::Peer;
use crate::{ANNOTATION, call};

pub(crate) fn add(all: &mut Features) {
    attributes(all);
    beside(all);
    remote_objects(all);
    streams(all);
}

fn attributes(all: &mut Features) {
    all.add("attribute_get", |c| async move {
        let got: String = c.proxy().get_attr("readonly").await?;
        check!(got == "fixed", "got {got:?}");
        Ok(())
    });
    all.add("attribute_set", |c| async move {
        let p = c.proxy();
        let before: Value = p.get_attr("value").await?;
        p.set_attr("value", &c.token).await?;
        let got: String = p.get_attr("value").await?;
        check!(got == c.token, "got {got:?}");
        p.set_attr("value", &before).await?;
        Ok(())
    });
    all.add("attribute_refused", |c| async move {
        let p = c.proxy();
        raised(p.set_attr("readonly", "changed").await, "AttributeError")?;
        let got: String = p.get_attr("readonly").await?;
        check!(got == "fixed", "readonly was changed");
        for name in ["get_data", "_value", "nosuch"] {
            raised(p.get_attr::<Value>(name).await, "AttributeError")?;
        }
        for name in ["_value", "nosuch"] {
            raised(p.set_attr(name, 1).await, "AttributeError")?;
        }
        works(&p).await
    });
    all.add("oneway", |c| async move {
        let p = c.proxy();
        p.connect().await?;
        let (token, by_request) = (format!("oneway {}", c.token), format!("by request {}", c.token));
        // The metadata says that nobody waits: the call is over before the method is.
        p.call::<()>("fire", (&token, 2.0)).await?;
        let all: Vec<String> = p.call("fired", ()).await?;
        check!(!all.contains(&token), "the call waited for the method's end");
        fired(&p, &token).await?;
        p.request("fire").args((&by_request, 0.0)).oneway().send::<()>().await?;
        fired(&p, &by_request).await
    });
    all.add("batch", |c| async move {
        let p = c.proxy();
        let mixed = Value::List(vec![1.into(), Value::Map(vec![("k".into(), Value::Null)])]);
        let batch = p.batch().call("add", (1, 2)).call("get_data", ("x",)).call("add", (1, 15)).call("echo", (&mixed,));
        let got = batch.send().await?;
        check!(got.len() == 4 && got.iter().all(Result::is_ok), "{got:?}");
        let got: Vec<Value> = got.into_iter().flatten().collect();
        check!(got[0].as_i64() == Some(3) && got[2].as_i64() == Some(16), "{got:?}");
        check!(got[1].as_str() == Some("You got remote data => x"), "{got:?}");
        check!(crate::values::same(&mixed, &got[3]), "{got:?}");
        works(&p).await
    });
    all.add("batch_oneway", |c| async move {
        let p = c.proxy();
        let tokens = [format!("batch 1 {}", c.token), format!("batch 2 {}", c.token)];
        p.batch().call("fire", (&tokens[0],)).call("fire", (&tokens[1],)).send_oneway().await?;
        fired(&p, &tokens[0]).await?;
        fired(&p, &tokens[1]).await
    });
}

fn beside(all: &mut Features) {
    all.add("annotations", |c| async move {
        let p = c.proxy();
        p.connect().await?;
        let request = p.request("annotations").annotation("ABCD", "first").annotation("WXYZ", "second");
        let reply = request.send_full::<BTreeMap<String, String>>().await?;
        let wanted = BTreeMap::from([("ABCD", "first"), ("WXYZ", "second")].map(|(k, v)| (k.to_owned(), v.to_owned())));
        check!(reply.value == wanted, "the server saw {:?}", reply.value);
        let answer = reply.metadata.get("XYZZ").map(|b| b.to_vec());
        // Before 4.38 a method cannot add to its reply.
        check!(c.peer.is_old() || answer.as_deref() == Some(b"custom reply annotation"), "the reply had {answer:?}");
        let seen: BTreeMap<String, String> = p.call("annotations", ()).await?;
        check!(seen.is_empty(), "the annotations stick to later calls: {seen:?}");
        // Those of the proxy go with every call.
        let always = c.builder(&c.server.uri).annotation("EVRY", "time").build()?;
        for _ in 0..2 {
            let seen: BTreeMap<String, String> = always.call("annotations", ()).await?;
            check!(seen == BTreeMap::from([("EVRY".to_owned(), "time".to_owned())]), "the server saw {seen:?}");
        }
        Ok(())
    });
    all.add("correlation_id", |c| async move {
        let p = c.proxy();
        let id = *b"\x01\x23\x45\x67\x89\xab\x4c\xde\x8f\x01\x23\x45\x67\x89\xab\xcd";
        let wanted = "01234567-89ab-4cde-8f01-23456789abcd";
        let reply = p.request("correlation").correlation_id(id).send_full::<String>().await?;
        check!(reply.value == wanted, "the server saw {}", reply.value);
        check!(reply.metadata.correlation_id == Some(id), "the reply had {:?}", reply.metadata.correlation_text());
        let got: String = p.call("correlation", ()).await?;
        check!(got != wanted, "the id sticks to later calls");
        Ok(())
    });
    all.add("daemon_annotation", |c| async move {
        if !c.options {
            return Err(Failure::WithOptions);
        }
        for method in ["nothing", "annotations"] {
            let reply = c.proxy().request(method).send_full::<Value>().await?;
            let got = reply.metadata.get("DAEM").map(|b| b.to_vec());
            check!(got.as_deref() == Some(ANNOTATION.as_bytes()), "the reply to {method}() had {got:?}");
        }
        Ok(())
    });
    all.add("wire_ping", |c| async move {
        let p = c.proxy();
        p.ping().await?;
        works(&p).await?;
        p.ping().await?;
        Ok(())
    });
}

fn remote_objects(all: &mut Features) {
    all.add("daemon_object", |c| async move {
        let daemon = c.at(&c.server.daemon);
        daemon.call::<()>("ping", ()).await?;
        let registered: Vec<String> = daemon.call("registered", ()).await?;
        for id in ["Pyro.Daemon", "thing", "other"] {
            check!(registered.iter().any(|r| r == id), "registered: {registered:?}");
        }
        if c.peer.is_old() && c.peer.version() != Version::V47 {
            return Ok(()); // that is all that they have
        }
        daemon.call::<String>("info", ()).await?;
        let meta: Value = daemon.call("get_metadata", ("thing",)).await?;
        let names = |field: &str| -> Vec<String> {
            let items = meta.field(field).and_then(Value::as_items).unwrap_or_default();
            items.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
        };
        check!(names("oneway") == ["fire"] && names("methods").len() > 20 && names("attrs").len() == 2, "{meta:?}");
        raised(daemon.call::<Value>("get_metadata", ("nosuch",)).await, "DaemonError")?;
        Ok(())
    });
    all.add("uri_result", |c| async move {
        let got: Value = c.proxy().call("give_uri", ()).await?;
        check!(matches!(&got, Value::Remote(r) if !r.proxy && r.uri == c.server.other), "got {got:?}");
        let uri: RemoteRef = c.proxy().call("give_uri", ()).await?;
        let who: String = c.at(&uri.uri).call("who", ()).await?;
        check!(who == "other", "got {who:?}");
        Ok(())
    });
    all.add("proxy_result", |c| async move { other(&c, "give_proxy").await });
    all.add("autoproxy", |c| async move {
        if c.serializer == Serializer::Marshal {
            // Asking for it would break the server for the other columns (see README.md).
            return Err(Failure::Cannot("the server's marshal has no hook for its own objects".to_owned()));
        }
        other(&c, "give_other").await
    });
    all.add("uri_argument", |c| async move {
        match c.proxy().call::<Value>("echo", (RemoteRef::uri(&c.server.uri),)).await {
            Ok(got) => check!(matches!(&got, Value::Remote(r) if !r.proxy && r.uri == c.server.uri), "got {got:?}"),
            Err(e) => return Err(unreadable(&c, e)),
        }
        let kind: String = c.proxy().call("types", (RemoteRef::uri(&c.server.uri),)).await?;
        check!(kind == "URI", "Python sees a {kind}");
        let kind: String = c.proxy().call("types", (c.callback(),)).await?;
        check!(kind == "Proxy", "Python sees a {kind}");
        Ok(())
    });
    all.add("callback", |c| async move {
        let p = c.proxy();
        match p.call::<String>("call_back", (c.callback(), "x")).await {
            Ok(got) => check!(got == "called back with x", "got {got:?}"),
            // Its proxies send the annotations of the request that is being served, the signature included (4.82). A
            // daemon with the key would not take that one either, and keys are never sent with a reference of ours.
            Err(e) if c.options && c.peer.version() == Version::V48 && e.kind() == ErrorKind::Closed => {
                return Err(Failure::Peer("a Pyro4 daemon with a key passes its client's signature on".to_owned()));
            }
            Err(e) => return Err(unreadable(&c, e)),
        }
        let x = raised(p.call::<String>("call_back", (c.callback(), "raise")).await, "ValueError")?;
        check!(x.message == "from the callback", "{x:?}");
        let uri = RemoteRef::uri(c.callback().uri);
        let got: String = p.call("call_back", (uri, "by URI")).await?;
        check!(got == "called back with by URI", "got {got:?}");
        works(&p).await
    });
}

// Pyro5 5.1 reads no URIs and proxies; any other failure is one.
fn unreadable(c: &Ctx, e: springline_core::Error) -> Failure {
    if c.peer == Peer::Pyro51 { Failure::Cannot(e.report()) } else { e.into() }
}

async fn other(c: &Ctx, method: &str) -> Outcome {
    let got: Value = c.proxy().call(method, ()).await?;
    check!(matches!(&got, Value::Remote(r) if r.proxy && r.uri == c.server.other), "got {got:?}");
    let remote: RemoteRef = c.proxy().call(method, ()).await?;
    let other = if c.options || c.peer.is_old() { c.at(&remote.uri) } else { Proxy::for_ref(&remote)? };
    let got: String = other.call("greet", ("you",)).await?;
    check!(got == "Hello, you", "got {got:?}");
    Ok(())
}

fn streams(all: &mut Features) {
    for (name, method) in [("stream", "stream"), ("stream_fail", "stream_fail"), ("stream_close", "stream")] {
        all.add(name, move |c| async move {
            let p = c.proxy();
            // Item streams are not supported: the error says so, and the connection goes on.
            let e = failed(p.call::<Value>(method, (3,)).await, ErrorKind::Protocol)?;
            check!(e.message().contains("iterator"), "{e}");
            call::works(&p).await
        });
    }
    all.add("together", |_| async move { Err(Failure::Peer("a Python daemon serves one generation".to_owned())) });
}
