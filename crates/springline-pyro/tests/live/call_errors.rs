//! Exceptions, and calls that do not fit.

use std::fmt;

use springline_core::{Error, Value};
use springline_macros::{RemoteError, remote};
use springline_pyro::{Serializer, Version};

use crate::call::{Ctx, Failure, Features, Outcome, check, raised, works};

/// What Python's marshal says of an exception inside a list (5.1; 4.37; 4.82 and 5.17).
const UNWRITABLE: [&str; 3] =
    ["can't serialize type <class 'list'>", "can't serialize type <type 'list'>", "unmarshallable object"];

pub(crate) const KINDS: [(&str, &str); 9] = [
    ("ValueError", "value"),
    ("KeyError", "key"),
    ("ZeroDivisionError", "zero"),
    ("TypeError", "type"),
    ("IndexError", "index"),
    ("AttributeError", "attribute"),
    ("RuntimeError", "runtime"),
    ("AssertionError", "assert"),
    ("NotImplementedError", "notimpl"),
];

pub(crate) const PYRO_KINDS: [(&str, &str); 5] = [
    ("PyroError", "pyro"),
    ("NamingError", "naming"),
    ("DaemonError", "daemon"),
    ("SecurityError", "security"),
    ("SerializeError", "serialize"),
];

pub(crate) fn add(all: &mut Features) {
    for (module, kinds) in [("builtins", &KINDS[..]), ("errors", &PYRO_KINDS[..])] {
        for (class, kind) in kinds {
            all.add(format!("exception:{class}"), move |c| async move {
                let p = c.proxy();
                let x = raised(p.call::<Value>("fail", (kind, "the message")).await, class)?;
                check!(x.class.contains(module), "class {}", x.class);
                check!(x.message == "the message" && x.args == ["the message".into()], "{x:?}");
                // Security and serialisation errors end the connection, which the next call finds out.
                works(&p).await
            });
        }
    }
    all.add("exception_args", |c| async move {
        let p = c.proxy();
        let x = raised(p.call::<Value>("fail", ("two", "the message")).await, "ValueError")?;
        check!(
            x.args.len() == 2 && x.args[0].as_str() == Some("the message") && x.args[1].as_i64() == Some(42),
            "{x:?}"
        );
        check!(x.message == "('the message', 42)", "{x:?}");
        let x = raised(p.call::<Value>("fail", ("noargs", "")).await, "ValueError")?;
        check!(x.args.is_empty() && x.message.is_empty(), "{x:?}");
        // Python 2 has one class for all of them.
        let class = if c.peer.is_python2() { "OSError" } else { "FileNotFoundError" };
        let x = raised(p.call::<Value>("fail", ("os", "the message")).await, class)?;
        check!(x.args.first().and_then(Value::as_i64) == Some(2), "{x:?}");
        let x = raised(p.call::<Value>("fail", ("stop", "the message")).await, "StopIteration")?;
        check!(x.message == "the message", "{x:?}");
        works(&p).await
    });
    all.add("exception_unicode", |c| async move {
        let text = "caf\u{e9} \u{1f600} 'quoted'\n";
        let x = raised(c.proxy().call::<Value>("fail", ("value", text)).await, "ValueError")?;
        check!(x.message == text, "{x:?}");
        Ok(())
    });
    all.add("exception_attributes", |c| async move {
        let x = raised(c.proxy().call::<Value>("fail", ("attrs", "the message")).await, "ValueError")?;
        check!(x.attribute("code").and_then(Value::as_i64) == Some(42), "{x:?}");
        check!(x.attribute("note").and_then(Value::as_str) == Some("extra"), "{x:?}");
        check!(x.attribute("_pyroTraceback").is_none(), "the traceback is among the attributes");
        Ok(())
    });
    all.add("exception_traceback", |c| async move {
        let x = raised(c.proxy().call::<Value>("fail", ("cause", "the message")).await, "RuntimeError")?;
        let traceback = x.traceback.unwrap_or_default();
        check!(traceback.contains("raise_it") && traceback.contains("the message"), "traceback: {traceback}");
        Ok(())
    });
    all.add("exception_own", |c| async move {
        let x = raised(c.proxy().call::<Value>("fail", ("own", "the message")).await, "bank.BankError")?;
        check!(x.class == "bank.BankError" && x.message == "the message", "{x:?}");
        check!(x.attribute("balance").and_then(Value::as_i64) == Some(12), "{x:?}");
        check!(x.attribute("currency").and_then(Value::as_str) == Some("EUR"), "{x:?}");
        let x = raised(c.proxy().call::<Value>("fail", ("main", "the message")).await, "__main__.Hidden")?;
        check!(x.message == "the message", "{x:?}");
        Ok(())
    });
    all.add("exception_own_registered", |c| async move {
        let bank = BankProxy::new(c.proxy());
        match bank.fail("own".into(), "the message".into()).await {
            Err(BankError::Own { balance: 12, currency }) if currency == "EUR" => {}
            other => return Err(Failure::Wrong(format!("got {other:?}"))),
        }
        match bank.fail("value".into(), "the message".into()).await {
            Err(BankError::Value(text)) if text == "the message" => {}
            other => return Err(Failure::Wrong(format!("got {other:?}"))),
        }
        match bank.fail("key".into(), "the message".into()).await {
            Err(BankError::Rpc(e)) if e.exception().is_some_and(|x| x.is("KeyError")) => Ok(()),
            other => Err(Failure::Wrong(format!("got {other:?}"))),
        }
    });
    all.add("exception_unserializable", |c| async move {
        let p = c.proxy();
        // What Python makes of it differs with generation and serializer; it must be an exception that tells, in any case.
        match p.call::<Value>("fail", ("unserializable", "the message")).await {
            Err(e) if e.exception().is_some_and(|x| !x.message.is_empty()) => {}
            Err(e) => return Err(Failure::Wrong(e.report())),
            Ok(value) => return Err(Failure::Wrong(format!("a result: {value:?}"))),
        }
        works(&p).await
    })
    .only_here("a Rust daemon's exceptions have values as arguments, which can be written");
    all.add("unknown_method", |c| async move {
        let p = c.proxy();
        let x = raised(p.call::<Value>("nosuch", ()).await, "AttributeError")?;
        check!(x.message.contains("nosuch"), "{x:?}");
        works(&p).await
    });
    all.add("private_method", |c| async move {
        let p = c.proxy();
        for name in ["_private", "__init__", "hidden", "get_data.__call__"] {
            raised(p.call::<Value>(name, ()).await, "AttributeError")?;
        }
        works(&p).await
    });
    all.add("wrong_arguments", |c| async move {
        let p = c.proxy();
        raised(p.call::<Value>("get_data", ()).await, "TypeError")?;
        raised(p.call::<Value>("get_data", (1, 2)).await, "TypeError")?;
        raised(p.request("get_data").args(("x",)).kwarg("nosuch", 1).send::<Value>().await, "TypeError")?;
        raised(p.request("get_data").args(("x",)).kwarg("param", "y").send::<Value>().await, "TypeError")?;
        raised(p.call::<Value>("add", (1, 2, 3)).await, "TypeError")?;
        works(&p).await
    });
    all.add("unknown_object", |c| async move {
        if c.peer.is_old() && c.peer.version() != Version::V47 {
            // Connecting names no object; a call does.
            let x = raised(c.at(&c.object("nosuch")).call::<Value>("get_data", ("x",)).await, "DaemonError")?;
            check!(x.message.contains("unknown object"), "{x:?}");
            return Ok(());
        }
        let e = crate::call::failed(c.at(&c.object("nosuch")).connect().await, springline_core::ErrorKind::NotFound)?;
        check!(e.message().contains("unknown object"), "{e}");
        Ok(())
    });
    all.add("unknown_object_call", |c| async move { unknown_object_call(&c).await });
    all.add("batch_exception", |c| async move {
        let p = c.proxy();
        let never = format!("never {}", c.token);
        let batch = p.batch().call("add", (1, 2)).call("fail", ("value", "the message")).call("fire", (&never,));
        let results = match batch.send().await {
            // Its marshal does not convert the exception inside the list of results.
            Err(e)
                if c.serializer == Serializer::Marshal
                    && e.exception().is_some_and(|x| UNWRITABLE.iter().any(|text| x.message.contains(text))) =>
            {
                let text = &e.exception().map(|x| x.to_string()).unwrap_or_default();
                return Err(Failure::Peer(format!(
                    "the server's marshal cannot write an exception in a batch: {text}"
                )));
            }
            other => other?,
        };
        check!(results.len() == 2, "{results:?}");
        check!(results[0].as_ref().is_ok_and(|v| v.as_i64() == Some(3)), "{results:?}");
        let Some(x) = results[1].as_ref().err().and_then(Error::exception) else {
            return Err(Failure::Wrong(format!("{results:?}")));
        };
        check!(x.is("ValueError") && x.message == "the message", "{x:?}");
        let fired: Vec<String> = p.call("fired", ()).await?;
        check!(!fired.contains(&never), "the batch went on after the exception");
        works(&p).await
    });
}

// An object that goes away while a client is connected to it.
async fn unknown_object_call(c: &Ctx) -> Outcome {
    let p = c.proxy();
    let id = format!("lent_{}_{}", c.serializer, c.token);
    p.call::<()>("lend", (&id,)).await?;
    let lent = c.at(&c.object(&id));
    let who: String = lent.call("who", ()).await?;
    check!(who == "other", "got {who:?}");
    p.call::<()>("withdraw", (&id,)).await?;
    let x = raised(lent.call::<String>("who", ()).await, "DaemonError")?;
    check!(x.message.contains("unknown object"), "{x:?}");
    works(&p).await
}

#[remote(crate = "springline_core")]
trait Bank {
    async fn fail(&self, kind: String, message: String) -> Result<(), BankError>;
}

#[derive(Debug, RemoteError)]
#[remote(crate = "springline_core")]
enum BankError {
    #[remote(class = "bank.BankError")]
    Own { balance: i64, currency: String },
    #[remote(class = "ValueError")]
    Value(String),
    #[remote(transport)]
    Rpc(Error),
}

impl fmt::Display for BankError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own { balance, currency } => write!(f, "the balance is {balance} {currency}"),
            Self::Value(text) => f.write_str(text),
            Self::Rpc(e) => e.fmt(f),
        }
    }
}
