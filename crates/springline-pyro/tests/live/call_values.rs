//! Values both ways.

use std::collections::BTreeMap;

use base64::Engine as _;
use serde::{Deserialize, Serialize};
use springline_core::{Blob, Value};

use crate::call::{Ctx, Failure, Features, Outcome, check, python_specials, value_of};
use crate::python;
use crate::table::Peer;
use crate::thing;
use crate::values::{same, special, text};

/// The special values that `client.py` asks for; the row `specials` has all of them.
pub(crate) const SPECIAL: [&str; 14] = [
    "none",
    "big",
    "inf",
    "str_astral",
    "str_control",
    "bytes_all",
    "tuple",
    "set",
    "dict_intkeys",
    "nested",
    "datetime_us",
    "timedelta",
    "decimal",
    "uuid",
];

pub(crate) fn add(all: &mut Features) {
    all.add("call", |c| async move {
        let p = c.proxy();
        let got: String = p.call("get_data", ("Hello",)).await?;
        check!(got == "You got remote data => Hello", "got {got:?}");
        p.call::<()>("nothing", ()).await?;
        let nothing: Option<i64> = p.call("nothing", ()).await?;
        check!(nothing.is_none(), "got {nothing:?}");
        Ok(())
    });
    all.add("kwargs", |c| async move {
        let p = c.proxy();
        let got = [
            p.call::<i64>("add", (1,)).await?,
            p.call("add", (1, 2)).await?,
            p.request("add").args((1,)).kwarg("b", 2).send().await?,
            p.request("add").kwarg("a", 1).kwarg("b", 2).kwarg("c", 3).send().await?,
            p.request("add").args((1,)).kwarg("c", 3).send().await?,
        ];
        check!(got == [11, 3, 3, 6, 14], "got {got:?}");
        Ok(())
    });
    all.add("describe", |c| async move {
        let wanted = r#"[int:1, str:"x\u{e9}\"", float:2.5, None, bool:True, list[int:1, str:"two"]] {flag: bool:False, k: dict{str:"a": int:1}}"#;
        let mixed = vec![Value::I64(1), "two".into()];
        let request = c.proxy();
        let request = request.request("describe").args((1, "x\u{e9}\"", 2.5, (), true, mixed));
        let got: String = request.kwarg("k", BTreeMap::from([("a", 1)])).kwarg("flag", false).send().await?;
        check!(got == wanted, "got {got}, wanted {wanted}");
        Ok(())
    });
    for (name, value) in special() {
        all.add(format!("echo:{name}"), move |c| {
            let value = value.clone();
            async move {
                match c.proxy().call::<Value>("echo", (&value,)).await {
                    Ok(got) => {
                        let is_timedelta = name == "timedelta" && got.class() == Some("datetime.timedelta");
                        if c.peer.is_python2() && !same(&value, &got) && !is_timedelta {
                            // Text for bytes, as far as a Python 2 client sees it so, too.
                            return Err(Failure::Cannot(format!("sent {}, got {}", text(&value), text(&got))));
                        }
                        check!(same(&value, &got) || is_timedelta, "sent {}, got {}", text(&value), text(&got));
                        Ok(())
                    }
                    Err(e) => Err(Failure::Cannot(e.report())),
                }
            }
        });
    }
    for (name, value) in special().into_iter().filter(|(name, _)| SPECIAL.contains(name)) {
        all.add(format!("special:{name}"), move |c| {
            let value = value.clone();
            async move {
                match c.proxy().call::<Value>("special", (name,)).await {
                    Ok(got) => {
                        let is_timedelta = name == "timedelta" && got.class() == Some("datetime.timedelta");
                        if c.peer.is_python2() && !same(&value, &got) && !is_timedelta {
                            // Text for bytes, as far as a Python 2 client sees it so, too.
                            return Err(Failure::Cannot(format!("wanted {}, got {}", text(&value), text(&got))));
                        }
                        check!(same(&value, &got) || is_timedelta, "wanted {}, got {}", text(&value), text(&got));
                        Ok(())
                    }
                    Err(e) => Err(Failure::Cannot(e.report())),
                }
            }
        });
    }
    all.add("specials", |c| async move { specials(&c).await })
        .only_here("compares what Rust reads with what Python's own client reads")
        .once();
    all.add("typed", |c| async move { typed(&c).await }).only_here("serde's types are Rust's");
    all.add("blob_down", |c| async move {
        match c.proxy().call::<Blob>("blob", (1 << 20,)).await {
            Ok(got) => {
                check!(*got.0 == *thing::blob(1 << 20), "1 MiB did not arrive unharmed");
                Ok(())
            }
            Err(e) => Err(Failure::Cannot(e.report())),
        }
    });
    all.add("blob_up", |c| async move {
        match c.proxy().call::<usize>("size", (Blob::from([0, 255].repeat(1 << 19)),)).await {
            Ok(got) => {
                check!(got == 1 << 20, "it has {got} bytes there");
                Ok(())
            }
            Err(e) => Err(Failure::Cannot(e.report())),
        }
    });
    all.add("big_text", |c| async move {
        let p = c.proxy();
        let got: String = p.call("big_text", (100_000,)).await?;
        check!(got == thing::big_text(100_000), "the text differs");
        let size: usize = p.call("size", (&got,)).await?;
        check!(size == 100_000, "it has {size} characters there");
        Ok(())
    });
    all.add("serpent_bytes_literal", |c| async move {
        if !c.options {
            return Err(Failure::WithOptions);
        }
        if c.peer != Peer::Pyro5 || c.serializer != springline_pyro::Serializer::Serpent {
            return Err(Failure::Cannot("only the serpent of Pyro5 5.2 and later has SERPENT_BYTES_REPR".to_owned()));
        }
        let got: Value = c.proxy().call("special", ("bytes_all",)).await?;
        let all: Vec<u8> = (0..=255).collect();
        check!(got.as_bytes().is_some_and(|b| **b == *all), "got {}", text(&got));
        Ok(())
    });
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: i64,
    lines: Vec<Line>,
    note: Option<String>,
    missing: Option<String>,
    tags: BTreeMap<String, i64>,
    pair: (i64, String),
    state: State,
    big: u128,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    what: String,
    price: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum State {
    Open,
    Paid { by: String },
}

async fn typed(c: &Ctx) -> Outcome {
    let p = c.proxy();
    let order = Order {
        id: 7,
        lines: vec![Line { what: "caf\u{e9}".into(), price: 2.5 }, Line { what: String::new(), price: 1.0 }],
        note: Some("gift".into()),
        missing: None,
        tags: BTreeMap::from([("a".into(), 1), ("b".into(), -2)]),
        pair: (i64::MIN, "x".into()),
        state: State::Paid { by: "card".into() },
        big: u128::MAX,
    };
    let got: Order = p.call("echo", (&order,)).await?;
    check!(got == order, "sent {order:?}, got {got:?}");
    let kind: String = p.call("types", (&order,)).await?;
    check!(kind == "dict", "Python sees a {kind}");
    let open: State = p.call("echo", (State::Open,)).await?;
    check!(open == State::Open, "got {open:?}");
    let numbers: Vec<i64> = (0..1000).collect();
    let got: Vec<i64> = p.call("echo", (&numbers,)).await?;
    check!(got == numbers, "numbers differ");
    let floats: Vec<f64> = vec![0.1, -0.0, 1e300];
    let got: Vec<f64> = p.call("echo", (&floats,)).await?;
    check!(got == floats && got[1].is_sign_negative(), "got {got:?}");
    let got = p.call::<i64>("get_data", ("x",)).await;
    let e = crate::call::failed(got, springline_core::ErrorKind::Mismatch)?;
    check!(e.reached() == springline_core::Reached::Answered, "a wrong type is {:?}", e.reached());
    crate::call::works(&p).await
}

// Every special value, compared with what Python's own client reads.
async fn specials(c: &Ctx) -> Outcome {
    let recorded = |column: &str| -> Vec<(String, String)> {
        let file = python::programs().join("specials.json");
        let all = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let all: BTreeMap<String, BTreeMap<String, String>> = serde_json::from_str(&all).expect("specials.json");
        all[column].clone().into_iter().collect()
    };
    let wanted = python_specials(c).await?;
    // What README.md and the recording say of Python is true. They are of CPython 3.11; others differ here and there.
    if c.peer != Peer::Pyro51 && !c.peer.is_python2() && c.server.python.starts_with("3.11.") {
        let mut now = wanted.clone();
        now.sort();
        check!(now == recorded(&format!("{}-{}", c.peer.generation(), c.serializer)), "specials.json is out of date");
    }
    let p = c.proxy();
    let mut wrong = Vec::new();
    for (name, python) in &wanted {
        // Python 2's dicts have an order of their own, in which a class may come last.
        if c.peer.is_python2()
            && ["dict", "dict_intkeys", "dict_boolkeys", "ordereddict", "nested", "exception", "object"]
                .contains(&&**name)
        {
            continue;
        }
        let got = p.call::<Value>("special", (name,)).await;
        let fits = match &got {
            Ok(value) => text(value) == expected(name, python),
            // Where Python gets nothing we need not either; and Rust's text has no lone surrogates.
            Err(_) => python.starts_with('!') || name == "str_surrogate",
        };
        if !fits {
            wrong.push(format!("{name}: {} for Python's {python}", got.map_or_else(|e| e.report(), |v| text(&v))));
        }
    }
    check!(wanted.len() + 2 >= special().len(), "only {} values", wanted.len());
    check!(wrong.is_empty(), "{}", wrong.join("; "));
    Ok(())
}

// Python's text as Springline should have it.
fn expected(name: &str, python: &str) -> String {
    // Python's serpent leaves bytes in the form they have on the wire; we make bytes of them.
    if let Some(rest) = python.strip_prefix(r#"dict{str:"data": str:""#) {
        let data = rest.split('"').next().unwrap_or_default();
        let data = base64::engine::general_purpose::STANDARD.decode(data).expect("base64");
        return text(&Value::Bytes(data.into()));
    }
    if !python.starts_with('!') {
        return python.to_owned();
    }
    // What Python writes but does not read.
    match name {
        "object" => "object:bank.Money".to_owned(),
        "namedtuple" => "object:values.Point".to_owned(),
        "ordereddict" => "object:collections.OrderedDict".to_owned(),
        _ => special().into_iter().find(|(n, _)| *n == name).map_or_else(String::new, |(_, v)| text(&listed(v))),
    }
}

// As a serializer without tuples has it.
fn listed(value: Value) -> Value {
    match value {
        Value::Tuple(items) => Value::List(items.into_iter().map(listed).collect()),
        Value::Map(pairs) => Value::Map(pairs.into_iter().map(|(k, v)| (listed(k), listed(v))).collect()),
        other => value_of(&other),
    }
}
