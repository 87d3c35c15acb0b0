//! Values, both ways through a peer, and how they are read as types of Rust's.

use springline_core::{Blob, DateTime, ErrorKind, Reached, Value};

use crate::call::{Ctx, Failure, Features, Outcome, check, failed, fault, works};
use crate::table::Peer;
use crate::thing::Stooges;
use crate::values::{self, same, text};

pub(crate) fn add(all: &mut Features) {
    for (name, _) in values::special() {
        all.add(format!("echo:{name}"), move |c| async move { echo(&c, name).await });
    }
    for (name, _) in values::special() {
        all.add(format!("special:{name}"), move |c| async move { special(&c, name).await });
    }
    all.add("control_characters", |c| async move {
        for bad in ["a\u{1}b", "\u{0}", "x\u{b}", "\u{ffff}"] {
            let e = failed(c.proxy().call_value("echo", (bad,)).await, &[ErrorKind::Encode])?;
            check!(e.reached() == Reached::NotSent, "{e:?}");
        }
        works(&c).await
    });
    all.add("builtin_types", |c| async move {
        let date: DateTime = c.proxy().call("special", ("date",)).await?;
        check!(date == DateTime::parse("1998-07-17T14:08:55")?, "got {date}");
        let bytes: Blob = c.proxy().call("special", ("bytes",)).await?;
        check!(&*bytes.0 == b"you can't read this!", "got {bytes:?}");
        let (a, b): (DateTime, Blob) = (date, bytes);
        let back: (DateTime, Blob) = c.proxy().call("echo", ((a, b.clone()),)).await?;
        check!(back == (a, b), "got {back:?}");
        let double: f64 = c.proxy().call("special", ("double",)).await?;
        check!(double.to_bits() == 2.5_f64.to_bits(), "got {double}");
        let none: Option<i64> = c.proxy().call("special", ("nil",)).await?;
        check!(none.is_none(), "got {none:?}");
        let wrong = c.proxy().call::<i64>("special", ("str",)).await;
        let e = failed(wrong, &[ErrorKind::Mismatch])?;
        check!(e.reached() == Reached::Answered, "{e:?}");
        Ok(())
    });
    all.add("encoding", |c| async move {
        for label in ["iso-8859-1", "windows-1252", "us-ascii", "utf-8"] {
            let proxy = c.builder().encoding(label).build()?;
            for value in ["caf\u{e9}", "\u{41f}\u{440}\u{438} \u{20ac}"] {
                match proxy.call::<String>("echo", (value,)).await {
                    Ok(got) => check!(got == value, "{label}: got {got:?}"),
                    // expat, which both peers read with, knows some encodings by itself and no others.
                    Err(e) if label == "windows-1252" && e.exception().is_some() => {}
                    Err(e) => return Err(e.into()),
                }
            }
        }
        Ok(())
    });
    all.add("big_array", |c| async move {
        let got: Vec<i64> = c.proxy().call("big_array", (20_000,)).await?;
        check!(got == (0..20_000).collect::<Vec<i64>>(), "another array of {}", got.len());
        let structs: Vec<Stooges> = (0..3000).map(|i| Stooges { moe: i, larry: -i, curly: i * 2 }).collect();
        let got: Vec<Stooges> = c.proxy().call("echo", (&structs,)).await?;
        check!(got == structs, "another array of structs");
        Ok(())
    });
    all.add("big_text", |c| async move {
        let got: String = c.proxy().call("big_text", (1_000_000,)).await?;
        check!(got == crate::thing::big_text(1_000_000), "another text of {}", got.len());
        let size: i64 = c.proxy().call("size", (got,)).await?;
        check!(size == 1_000_000, "{size} arrived");
        Ok(())
    });
    all.add("big_blob", |c| async move {
        let got: Blob = c.proxy().call("blob", (1_000_000,)).await?;
        check!(*got.0 == *crate::thing::blob(1_000_000), "other bytes");
        let size: i64 = c.proxy().call("size", (got,)).await?;
        check!(size == 1_000_000, "{size} arrived");
        Ok(())
    });
}

/// Why a peer cannot do with a value what a client of ours does.
fn cannot(c: &Ctx, name: &str) -> Option<&'static str> {
    match (c.peer, name) {
        (Peer::C, "double_inf" | "double_nan") => {
            Some("xmlrpc-c 1.33 writes NaN as 0 and ends when it is to write an infinity")
        }
        (Peer::C, "str_cr") => Some("xmlrpc-c reads CR as LF, also where it is a reference"),
        (Peer::C, "str_emoji") => Some("xmlrpc-c 1.33 reads no characters beyond the Basic Multilingual Plane"),
        (Peer::Python3 | Peer::Python2, "i8") => Some("a server of CPython's cannot write integers beyond 32 bits"),
        (Peer::Python3 | Peer::Python2, "str_cr") => {
            Some("a server of CPython's writes CR as it is, which XML reads as LF")
        }
        _ => None,
    }
}

async fn echo(c: &Ctx, name: &str) -> Outcome {
    let value = values::named(name).expect("a special value");
    if name == "double_inf" || name == "double_nan" {
        let e = failed(c.proxy().call_value("echo", (&value,)).await, &[ErrorKind::Encode])?;
        check!(e.reached() == Reached::NotSent, "{e:?}");
    }
    if let Some(why) = cannot(c, name) {
        // What can be seen of it is.
        match name {
            "i8" => {
                let x = fault(c.proxy().call_value("echo", (&value,)).await)?;
                check!(x.message.contains("exceeds XML-RPC limits"), "{x:?}");
            }
            "str_cr" if c.is_python() => {
                let seen: String = c.proxy().call("describe", (&value,)).await?;
                check!(seen == format!("[{}]", text(&value)), "it arrived as {seen}");
            }
            "str_emoji" => {
                fault(c.proxy().call_value("echo", (&value,)).await)?;
                works(c).await?;
            }
            _ => {}
        }
        return Err(Failure::Peer(why.to_owned()));
    }
    let proxy = match name {
        "double_inf" | "double_nan" => {
            let mut write = springline_xmlrpc::WriteOptions::new();
            write.non_finite = springline_xmlrpc::NonFinite::Python;
            c.builder().write_options(write).build()?
        }
        _ => c.proxy().clone(),
    };
    let got = proxy.call_value("echo", (&value,)).await?;
    check!(alike(c, &value, &got), "got {}", text(&got));
    Ok(())
}

async fn special(c: &Ctx, name: &str) -> Outcome {
    let value = values::named(name).expect("a special value");
    if let Some(why) = cannot(c, name) {
        return Err(Failure::Peer(why.to_owned()));
    }
    let got = c.proxy().call_value("special", (name,)).await?;
    check!(alike(c, &value, &got), "got {}", text(&got));
    Ok(())
}

// xmlrpc-c reads and writes doubles by arithmetic of its own, to some 15 digits.
fn alike(c: &Ctx, wanted: &Value, got: &Value) -> bool {
    match (wanted, got) {
        (Value::F64(a), Value::F64(b)) if c.peer == Peer::C => (a - b).abs() <= a.abs() * 1e-14,
        _ => same(wanted, got),
    }
}
