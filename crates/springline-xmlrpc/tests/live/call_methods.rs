//! Calls, faults, introspection, multicall and the validation suite.

use std::collections::BTreeMap;

use springline_core::service::{MethodInfo, ParamInfo, ServiceInfo};
use springline_core::{Call, ErrorKind, Payload, Reached, Service, Value};

use crate::call::{Ctx, Failure, Features, Outcome, check, failed, fault, works};
use crate::thing::{Calendar, Entities, Stooges, Times, count_entities};
use crate::values::same;

pub(crate) fn add(all: &mut Features) {
    all.add("call", |c| async move {
        let got: String = c.proxy().call("get_data", ("Hello",)).await?;
        check!(got == "You got remote data => Hello", "got {got:?}");
        Ok(())
    });
    all.add("pow", |c| async move {
        let got: i64 = c.proxy().call("pow", (41, 3)).await?;
        check!(got == 68_921, "got {got}");
        Ok(())
    });
    all.add("listdir", |c| async move {
        let dir = c.scratch.path("dir");
        std::fs::create_dir(&dir).map_err(|e| Failure::Wrong(e.to_string()))?;
        for name in ["b", "a", "caf\u{e9}"] {
            std::fs::write(dir.join(name), "").map_err(|e| Failure::Wrong(e.to_string()))?;
        }
        let mut got: Vec<String> = c.proxy().call("listdir", (dir.display().to_string(),)).await?;
        got.sort();
        check!(got == ["a", "b", "caf\u{e9}"], "got {got:?}");
        Ok(())
    });
    all.add("arguments", arguments_of_every_type);
    all.add("no_arguments", |c| async move {
        let got: String = c.proxy().call("describe", ()).await?;
        check!(got == "[]", "got {got}");
        Ok(())
    });
    all.add_only_here("keyword_arguments", "the peers' clients have none", |c| async move {
        let param = |name: &'static str| ParamInfo { name: name.into(), ..ParamInfo::default() };
        let params = vec![param("a"), param("b")];
        let add = MethodInfo { name: "add".into(), params: params.into(), ..MethodInfo::default() };
        let info = ServiceInfo { methods: vec![add].into(), ..ServiceInfo::default() };
        let known = c.builder().describe(info).build()?;
        let kwargs = Value::Map(vec![("b".into(), 2.into()), ("a".into(), 1.into())]);
        let mut call = Call::new("add", &());
        call.kwargs = Some(Payload::from(kwargs));
        let sum: i64 = Service::call(&known, &call).await?.result.decode()?;
        check!(sum == 3, "got {sum}");
        let e = failed(Service::call(c.proxy(), &call).await, &[ErrorKind::Arguments])?;
        check!(e.reached() == Reached::NotSent, "{e:?}");
        Ok(())
    });
    all.add("none", |c| async move {
        c.proxy().call::<()>("nothing", ()).await?;
        let got = c.proxy().call_value("nothing", ()).await?;
        check!(got == Value::Null, "got {got:?}");
        Ok(())
    });
    all.add("none_refused", |c| async move {
        let without = c.builder().allow_none(false).build()?;
        let e = failed(without.call_value("echo", (Value::Null,)).await, &[ErrorKind::Encode])?;
        check!(e.reached() == Reached::NotSent, "{e:?}");
        let strict = c.extra(c.server.strict.as_ref(), "Abyss always writes nil")?;
        let x = fault(c.at(strict).build()?.call_value("nothing", ()).await)?;
        check!(x.message.contains("allow_none"), "{x:?}");
        Ok(())
    });
    all.add("many_calls", |c| async move {
        for i in 0..200 {
            let got: i64 = c.proxy().call("add", (i, 1)).await?;
            check!(got == i + 1, "got {got}");
        }
        Ok(())
    });
    all.add("parallel", |c| async move {
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..12 {
            let proxy = c.proxy().clone();
            tasks.spawn(async move {
                for i in 0..10 {
                    let text = format!("{n} {i}");
                    let got: String = proxy.call("echo", (&text,)).await?;
                    check!(got == text, "got {got:?}, wanted {text:?}");
                }
                Ok::<_, Failure>(())
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.map_err(|e| Failure::Wrong(e.to_string()))??;
        }
        Ok(())
    });
    all.add("slow_beside_fast", |c| async move {
        let slow = c.proxy().clone();
        let slow = tokio::spawn(async move { slow.call::<String>("slow", (0.5,)).await });
        works(&c).await?;
        let got = slow.await.map_err(|e| Failure::Wrong(e.to_string()))??;
        check!(got == "done", "got {got:?}");
        Ok(())
    });
    all.add("fault", |c| async move {
        let x = fault(c.proxy().call_value("fail", (42, "no good")).await)?;
        check!(x.code == Some(42) && x.message == "no good" && x.class == "Fault", "{x:?}");
        let x = fault(c.proxy().call_value("fail", (-7, "")).await)?;
        check!(x.code == Some(-7) && x.message.is_empty(), "{x:?}");
        works(&c).await
    });
    all.add("fault_unicode", |c| async move {
        let text = "caf\u{e9} \u{41f} \"<&>'";
        let x = fault(c.proxy().call_value("fail", (1, text)).await)?;
        check!(x.message == text, "{x:?}");
        Ok(())
    });
    all.add("fault_of_exception", |c| async move {
        if !c.is_python() {
            return Err(Failure::Peer("C has no exceptions".to_owned()));
        }
        let x = fault(c.proxy().call_value("raise_it", ("value", "the message")).await)?;
        check!(x.is("ValueError") && x.message == "the message" && x.code == Some(1), "{x:?}");
        let x = fault(c.proxy().call_value("raise_it", ("bank", "the message")).await)?;
        check!(x.class.ends_with("BankError") && x.message == "the message", "{x:?}");
        works(&c).await
    });
    all.add("unknown_method", |c| async move {
        let x = fault(c.proxy().call_value("no_such_method", ()).await)?;
        check!(x.message.contains("no_such_method"), "{x:?}");
        works(&c).await
    });
    all.add("wrong_arguments", |c| async move {
        fault(c.proxy().call_value("add", (1,)).await)?;
        fault(c.proxy().call_value("add", (1, 2, 3)).await)?;
        fault(c.proxy().call_value("add", ("x", Value::Map(Vec::new()))).await)?;
        works(&c).await
    });
    all.add("list_methods", |c| async move {
        let got = c.proxy().list_methods().await?;
        for name in ["pow", "get_data", "validator1.easyStructTest", "system.multicall", "system.listMethods"] {
            check!(got.iter().any(|m| m == name), "{name} is missing: {got:?}");
        }
        Ok(())
    });
    all.add("method_help", |c| async move {
        let got = c.proxy().method_help("get_data").await?;
        check!(got == "Says what it was sent.", "got {got:?}");
        let got = c.proxy().method_help("pow").await?;
        check!(got.is_empty(), "got {got:?}");
        Ok(())
    });
    all.add("method_signature", |c| async move {
        let got = c.proxy().method_signature("get_data").await?;
        if c.is_python() {
            check!(got.is_none(), "got {got:?}");
        } else {
            let one = got.as_deref().and_then(|all| all.first());
            check!(one.is_some_and(|s| s.result == "string" && s.params == ["string"]), "got {got:?}");
            let none = c.proxy().method_signature("echo").await?;
            check!(none.is_none(), "got {none:?}");
        }
        Ok(())
    });
    all.add("capabilities", |c| async move {
        match c.proxy().capabilities().await {
            Ok(got) => {
                check!(!got.is_empty(), "it announces nothing");
                Ok(())
            }
            Err(e) if e.exception().is_some() => {
                Err(Failure::Peer("the peer has no system.getCapabilities".to_owned()))
            }
            Err(e) => Err(e.into()),
        }
    });
    all.add("multicall", |c| async move {
        let many = c.proxy().multicall().call("add", (1, 2)).call("get_data", ("x",)).call("echo", ((1, (2,)),));
        let got = many.send().await?;
        let wanted = [
            Value::from(3),
            "You got remote data => x".into(),
            Value::List(vec![1.into(), Value::List(vec![2.into()])]),
        ];
        check!(got.len() == 3, "{} results", got.len());
        for (got, wanted) in got.into_iter().zip(&wanted) {
            let got = got?;
            check!(same(&got, wanted), "got {got:?}, wanted {wanted:?}");
        }
        let none = c.proxy().multicall().send().await?;
        check!(none.is_empty(), "an empty one gave {none:?}");
        Ok(())
    });
    all.add("multicall_faults", |c| async move {
        let many = c.proxy().multicall().call("fail", (42, "no good")).call("no_such_method", ()).call("add", (3, 4));
        let mut got = many.send().await?.into_iter();
        let mut next = || got.next().ok_or_else(|| Failure::Wrong("a result is missing".to_owned()));
        let x = fault(next()?)?;
        check!(x.code == Some(42) && x.message == "no good", "{x:?}");
        fault(next()?)?;
        let sum = next()??;
        check!(sum.as_i64() == Some(7), "got {sum:?}");
        Ok(())
    });
    all.add("multicall_nested", |c| async move {
        let inner = Value::List(Vec::new());
        let outcome = c.proxy().multicall().call("system.multicall", (inner,)).call("add", (1, 2)).send().await;
        if !c.is_python() {
            let x = fault(outcome)?;
            return Err(Failure::Peer(format!("xmlrpc-c refuses all of it: {}", x.message)));
        }
        let got = outcome?;
        check!(got.len() == 2, "{} results", got.len());
        check!(got[1].as_ref().is_ok_and(|v| v.as_i64() == Some(3)), "got {:?}", got[1]);
        Ok(())
    });
    all.add("multicall_malformed", |c| async move {
        let entry = Value::Map(vec![("methodName".into(), "add".into())]);
        match c.proxy().call_value("system.multicall", (Value::List(vec![entry]),)).await {
            Err(e) if e.exception().is_some() => {}
            other => return Err(Failure::Wrong(format!("wanted a fault, got {other:?}"))),
        }
        works(&c).await
    });
    validator(all);
}

async fn arguments_of_every_type(c: std::sync::Arc<Ctx>) -> Outcome {
    let wanted = "[int:1, string:\"x\\u{e9}\\\"\", double:2.5, boolean:1, array[int:1, string:\"two\"], struct{\"a\": int:1}, \
                  base64:00ff, dateTime:19980717T14:08:55]";
    let date = springline_core::DateTime::parse("1998-07-17T14:08:55")?;
    let blob = springline_core::Blob::from(vec![0_u8, 255]);
    let map = BTreeMap::from([("a", 1)]);
    let got: String = c.proxy().call("describe", (1, "x\u{e9}\"", 2.5, true, (1, "two"), map, blob, date)).await?;
    check!(got == wanted, "got {got}");
    Ok(())
}

fn stooges() -> Stooges {
    let next = || fastrand::i64(-1000..1000);
    Stooges { moe: next(), larry: next(), curly: next() }
}

fn validator(all: &mut Features) {
    all.add("validator1.arrayOfStructsTest", |c| async move {
        let structs: Vec<Stooges> = (0..fastrand::usize(1..50)).map(|_| stooges()).collect();
        let got: i64 = c.proxy().call("validator1.arrayOfStructsTest", (&structs,)).await?;
        check!(got == structs.iter().map(|s| s.curly).sum::<i64>(), "got {got}");
        Ok(())
    });
    all.add("validator1.countTheEntities", |c| async move {
        let text: String = (0..fastrand::usize(1..200))
            .map(|_| char::from(*fastrand::choice(b"<>&'\"ab c").expect("one of them")))
            .collect();
        let got: Entities = c.proxy().call("validator1.countTheEntities", (&text,)).await?;
        check!(got == count_entities(&text), "got {got:?} for {text:?}");
        Ok(())
    });
    all.add("validator1.easyStructTest", |c| async move {
        let trio = stooges();
        let got: i64 = c.proxy().call("validator1.easyStructTest", (&trio,)).await?;
        check!(got == trio.moe + trio.larry + trio.curly, "got {got}");
        Ok(())
    });
    all.add("validator1.echoStructTest", |c| async move {
        let given: BTreeMap<String, Stooges> = (0..10).map(|i| (format!("substruct{i}"), stooges())).collect();
        let got: BTreeMap<String, Stooges> = c.proxy().call("validator1.echoStructTest", (&given,)).await?;
        check!(got == given, "got {got:?}");
        Ok(())
    });
    all.add("validator1.manyTypesTest", |c| async move {
        let six = Value::List(vec![
            fastrand::i32(0..10_000).into(),
            fastrand::bool().into(),
            "text <&>".into(),
            (f64::from(fastrand::i32(0..10_000)) + 0.5).into(),
            crate::values::named("date").expect("a date"),
            crate::values::named("bytes_all").expect("bytes"),
        ]);
        let items = six.as_items().unwrap_or_default();
        let [a, b, c2, d, e, f] = items else { return Err(Failure::Wrong("not six".to_owned())) };
        let got = c.proxy().call_value("validator1.manyTypesTest", (a, b, c2, d, e, f)).await?;
        check!(same(&got, &six), "got {}", crate::values::text(&got));
        Ok(())
    });
    all.add("validator1.moderateSizeArrayCheck", |c| async move {
        let texts: Vec<String> =
            (0..fastrand::usize(100..200)).map(|_| format!("text {}", fastrand::u32(..))).collect();
        let got: String = c.proxy().call("validator1.moderateSizeArrayCheck", (&texts,)).await?;
        check!(got == format!("{}{}", texts[0], texts[texts.len() - 1]), "got {got:?}");
        Ok(())
    });
    all.add("validator1.nestedStructTest", |c| async move {
        let trio = stooges();
        let months = || (1..=12).map(|m| (format!("{m:02}"), days())).collect::<BTreeMap<_, _>>();
        let days_of_stooges =
            BTreeMap::from([("moe".into(), trio.moe), ("larry".into(), trio.larry), ("curly".into(), trio.curly)]);
        let mut calendar: Calendar = (1999..=2001).map(|year: i32| (year.to_string(), months())).collect();
        let april = calendar.get_mut("2000").and_then(|year| year.get_mut("04")).expect("an April");
        april.insert("01".to_owned(), days_of_stooges);
        let got: i64 = c.proxy().call("validator1.nestedStructTest", (&calendar,)).await?;
        check!(got == trio.moe + trio.larry + trio.curly, "got {got}");
        Ok(())
    });
    all.add("validator1.simpleStructReturnTest", |c| async move {
        let n = fastrand::i64(-1000..1000);
        let got: Times = c.proxy().call("validator1.simpleStructReturnTest", (n,)).await?;
        check!(got == Times { times10: n * 10, times100: n * 100, times1000: n * 1000 }, "got {got:?}");
        Ok(())
    });
}

fn days() -> BTreeMap<String, BTreeMap<String, i64>> {
    (1..=28).map(|day| (format!("{day:02}"), BTreeMap::new())).collect()
}
