//! What goes wrong at Java's server, and how it comes here.

use springline_core::{Error, ErrorKind, Exception, Reached, Value};
use springline_hessian::LoneSurrogates;
use springline_hessian::client::HttpStatus;

use crate::call::{Ctx, Failure, Features, check};

fn wrong(what: &str) -> Failure {
    Failure::Wrong(what.to_owned())
}

/// The exception that a method throws.
async fn thrown(c: &Ctx, kind: &str, text: Option<&str>) -> Result<Exception, Failure> {
    let Err(e) = c.proxy().call::<Value>("fail", (kind, text)).await else { return Err(wrong("it did not fail")) };
    if e.kind() != ErrorKind::Remote || e.reached() != Reached::Answered {
        return Err(wrong(&format!("{e:?}")));
    }
    e.into_exception().map_err(Failure::from)
}

/// Whether it was the protocol that failed, and what was said.
fn broken(outcome: Result<Value, Error>, words: &[&str]) -> Result<(), Failure> {
    let Err(e) = outcome else { return Err(wrong("it answered")) };
    check!(e.kind() == ErrorKind::Protocol, "{e:?}");
    check!(words.iter().all(|word| e.to_string().contains(word)), "{e}");
    Ok(())
}

pub(crate) fn add(all: &mut Features) {
    exceptions(all);
    calls(all);
    cuts(all);
}

fn exceptions(all: &mut Features) {
    for (kind, class) in [
        ("runtime", "java.lang.RuntimeException"),
        ("illegal", "java.lang.IllegalArgumentException"),
        ("error", "java.lang.AssertionError"),
    ] {
        all.add(format!("fail:{kind}"), move |c| async move {
            let x = thrown(&c, kind, Some("boom")).await?;
            check!(x.class == class && x.message == "boom" && x.cause.is_none(), "{x:?}");
            let stack = x.traceback.unwrap_or_default();
            let (first, second) = (format!("{class}: boom\n\tat "), "peer.MyThing.fail(MyThing.java:");
            check!(stack.starts_with(&first) && stack.contains(second), "{stack}");
            Ok(())
        });
    }
    all.add("fail:bank", |c| async move {
        let x = thrown(&c, "bank", Some("too little")).await?;
        check!(x.class == "peer.BankException" && x.is("BankException") && x.message == "too little", "{x:?}");
        check!(x.attribute("code") == Some(&Value::I32(7)) && x.code == Some(7), "{x:?}");
        check!(x.attribute("account") == Some(&"A-1".into()), "{x:?}");
        Ok(())
    });
    all.add("fail:null", |c| async move {
        let x = thrown(&c, "null", None).await?;
        check!(x.class == "java.lang.RuntimeException" && x.message.is_empty(), "{x:?}");
        Ok(())
    });
    all.add("fail:cause", |c| async move {
        let x = thrown(&c, "cause", Some("outer")).await?;
        check!(x.class == "java.lang.IllegalStateException" && x.message == "outer", "{x:?}");
        let stack = x.traceback.clone().unwrap_or_default();
        check!(stack.contains("\nCaused by: java.io.IOException: innermost\n\tat peer."), "{stack}");
        let inner = x.cause.ok_or_else(|| wrong("no cause"))?;
        check!(inner.class == "java.lang.RuntimeException" && inner.message == "inner", "{inner:?}");
        let innermost = inner.cause.ok_or_else(|| wrong("no cause of the cause"))?;
        check!(innermost.class == "java.io.IOException" && innermost.cause.is_none(), "{innermost:?}");
        Ok(())
    });
    all.add("fail:suppressed", |c| async move {
        let x = thrown(&c, "suppressed", Some("boom")).await?;
        let suppressed = x.attribute("suppressedExceptions").and_then(|list| list.get(0).cloned());
        let text = suppressed.as_ref().and_then(|one| one.field("detailMessage")).and_then(Value::as_str);
        // One that refers to what stands elsewhere in the fault cannot be taken out of it.
        check!(x.message == "boom" && text.is_none_or(|text| text == "suppressed"), "{x:?}");
        Ok(())
    });
    all.add("fail:markup", |c| async move {
        let x = thrown(&c, "runtime", Some("<a> & b")).await?;
        check!(x.message == "<a> & b", "{x:?}");
        Ok(())
    });
    all.add("fail:emoji", |c| async move {
        let x = thrown(&c, "runtime", Some("\u{1f600}")).await?;
        check!(x.message == "\u{1f600}", "{x:?}");
        Ok(())
    });
    all.add("fail:code", |c| async move {
        let Err(e) = c.proxy().call::<Value>("failCode", (42, "the message")).await else {
            return Err(wrong("it did not fail"));
        };
        let x = e.into_exception()?;
        check!(x.code == Some(42) && x.message == "the message", "{x:?}");
        Ok(())
    });
    all.add("lone_surrogate", |c| async move {
        // Java cuts a pair in two: typedChar takes the first unit of a text.
        let outcome = c.proxy().call::<String>("typedChar", ("\u{1f600}",)).await;
        let Err(e) = outcome else { return Err(wrong("a lone surrogate is a text")) };
        check!(
            e.kind() == ErrorKind::Malformed && e.offset().is_some() && e.to_string().contains("surrogate"),
            "{e:?}"
        );
        let proxy = c.at("/thing").lone_surrogates(LoneSurrogates::Replace).build()?;
        let got: String = proxy.call("typedChar", ("\u{1f600}",)).await?;
        check!(got == "\u{fffd}", "{got:?}");
        Ok(())
    });
}

fn calls(all: &mut Features) {
    all.add("fail:no_such_method", |c| async move {
        let Err(e) = c.proxy().call::<Value>("thereIsNone", (1,)).await else { return Err(wrong("it answered")) };
        let x = e.exception().ok_or_else(|| wrong(&e.report()))?;
        check!(x.class == "NoSuchMethodException" && x.message.contains("thereIsNone"), "{x:?}");
        Ok(())
    });
    all.add("fail:wrong_type", |c| async move {
        // Both ways in which Java fails to read it.
        let Err(e) = c.proxy().call::<Value>("typedInt", ("twelve",)).await else { return Err(wrong("it answered")) };
        check!(matches!(e.kind(), ErrorKind::Protocol | ErrorKind::Remote), "{e:?}");
        let got: String = c.proxy().call("getData", ("after",)).await?;
        check!(got.ends_with("after"), "{got}");
        Ok(())
    });
    all.add("fail:too_few", |c| async move {
        let Err(e) = c.proxy().call::<Value>("add", (1,)).await else { return Err(wrong("it answered")) };
        check!(matches!(e.kind(), ErrorKind::Protocol | ErrorKind::Remote), "{e:?}");
        Ok(())
    });
    all.add("nobody_there", |c| async move {
        let proxy = c.at("/nothing").build()?;
        let Err(e) = proxy.call::<Value>("getData", ("x",)).await else { return Err(wrong("it answered")) };
        check!(e.kind() == ErrorKind::NotFound && HttpStatus::of(&e).is_some_and(|s| s.status == 404), "{e:?}");
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|l| l.local_addr())
            .map_err(|e| wrong(&e.to_string()))?;
        let proxy = springline_hessian::client::HessianProxy::new(&format!("http://{port}/thing"))?;
        let Err(e) = proxy.call::<Value>("getData", ("x",)).await else { return Err(wrong("it answered")) };
        check!(e.kind() == ErrorKind::Unavailable && e.reached() == Reached::NotSent, "{e:?}");
        Ok(())
    });
}

fn cuts(all: &mut Features) {
    all.add("cut:argument", |c| async move {
        // An enum by its name alone: HessianSkeleton has said 200 when it finds that it cannot.
        let outcome = c.proxy().call_value("typedEnum", ("RED",)).await;
        broken(outcome, &["broke the reply off", "argument"])
    });
    all.add("cut:argument_empty", |c| async move {
        let proxy = c.at("/spring").build()?;
        broken(proxy.call_value("typedEnum", ("RED",)).await, &["empty", "argument"])
    });
    all.add("cut:result", |c| async move {
        // An exception that cannot be sent: half of it is out by then.
        broken(c.proxy().call_value("fail", ("unserializable", "boom")).await, &["the reply", "off", "result"])
    });
    all.add("cut:no_post", |c| async move {
        use springline_net::http::{ClientRequest, HttpClient, Method};
        if c.base.starts_with("https") {
            return Err(Failure::Java("the same over HTTPS".to_owned()));
        }
        let http = HttpClient::builder(&format!("{}/thing", c.base)).build()?;
        let mut request = ClientRequest::post("");
        request.method = Method::GET;
        let status = http.send(request).await?.head.status();
        check!(status == 500, "{status}");
        Ok(())
    });
}
