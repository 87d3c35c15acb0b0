//! Methods, types, overloads, streams and references of Java's server.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use springline_core::service::{Call, MethodInfo, ParamInfo, Service, ServiceInfo};
use springline_core::value::Typed;
use springline_core::{Blob, DateTime, Decimal, ErrorKind, Integer, Payload, Reached, Value};
use springline_hessian::Dialect;
use springline_hessian::mangle::mangled;

use crate::call::{Failure, Features, Outcome, check, owner, text_of};
use crate::serve::{PASSWORD, USER};
use crate::thing::{Account, AccountProxy, Color, Node, Person, Thing, ThingProxy, blob, people};
use crate::values::{named, same, shown};

pub(crate) fn add(all: &mut Features) {
    calls(all);
    http(all);
    typed(all);
    overloads(all);
    streams(all);
    references(all);
}

fn calls(all: &mut Features) {
    all.add("get_data", |c| async move {
        let got: String = c.proxy().call("getData", ("Hello",)).await?;
        check!(got == "You got remote data => Hello", "{got}");
        Ok(())
    });
    all.add("transform", |c| async move {
        let got: Person = c.proxy().call("transform", ("Greg Turnquist a,b,c,x,y,z",)).await?;
        let wanted = Person::new("Greg", "Turnquist", 42, &["a", "b", "c", "x", "y", "z"]);
        check!(got == wanted, "{got:?}");
        let got = c.proxy().call_value("transform", ("Greg Turnquist a,b",)).await?;
        check!(got.class() == Some("peer.Person"), "{got:?}");
        check!(got.field("firstName").map(text_of) == Some("Greg"), "{got:?}");
        Ok(())
    });
    all.add("transform_as_map", |c| async move {
        // As the original: a dictionary.
        let proxy = c.at("/thing").objects_as_maps(true).build()?;
        let got = proxy.call_value("transform", ("Greg Turnquist a,b,c",)).await?;
        check!(matches!(got, Value::Map(_)), "{got:?}");
        check!(got.field("lastName").map(text_of) == Some("Turnquist"), "{got:?}");
        check!(got.field("attributes").and_then(|a| a.get(2)).map(text_of) == Some("c"), "{got:?}");
        let map: BTreeMap<String, Value> = proxy.call("transform", ("Greg Turnquist a,b,c",)).await?;
        check!(map.len() == 4 && map["age"] == Value::I32(42), "{map:?}");
        Ok(())
    });
    all.add("pow", |c| async move {
        let got: i64 = c.proxy().call("pow", (41, 3)).await?;
        check!(got == 68_921, "{got}");
        Ok(())
    });
    all.add("add", |c| async move {
        let got: i64 = c.proxy().call("add", (-3_i64, 2_i64)).await?;
        check!(got == -1, "{got}");
        Ok(())
    });
    all.add("nothing", |c| async move {
        c.proxy().call::<()>("nothing", ()).await?;
        check!(c.proxy().call_value("nothing", ()).await?.is_null(), "something");
        Ok(())
    });
    all.add("count", |c| async move {
        let n: i32 = c.proxy().call("count", ()).await?;
        let m: i32 = c.proxy().call("count", ()).await?;
        check!(m == n + 1, "{n} {m}");
        Ok(())
    });
    all.add("big_text", |c| async move {
        let got: String = c.proxy().call("bigText", (24,)).await?;
        check!(got == "The quick brown fox. The", "{got}");
        Ok(())
    });
    all.add("big_array", |c| async move {
        let got: Vec<i32> = c.proxy().call("bigArray", (1000,)).await?;
        check!(got == (0..1000).collect::<Vec<_>>(), "another of {}", got.len());
        Ok(())
    });
    all.add("blob", |c| async move {
        let got: Blob = c.proxy().call("blob", (1_000_000,)).await?;
        check!(*got.0 == *blob(1_000_000), "another of {}", got.len());
        Ok(())
    });
    all.add("size_bytes", |c| async move {
        let got: i32 = c.proxy().call("size", (Blob::from(blob(100_000)),)).await?;
        check!(got == 100_000, "{got}");
        Ok(())
    });
    all.add("size_text", |c| async move {
        let got: i32 = c.proxy().call("size", ("caf\u{e9}\u{1f600}",)).await?;
        check!(got == 5, "{got}");
        Ok(())
    });
    all.add("people", |c| async move {
        let got: Vec<Person> = c.proxy().call("people", (10_000,)).await?;
        check!(got == people(10_000), "others: {}", got.len());
        Ok(())
    });
    all.add("count_people", |c| async move {
        let got: String = c.proxy().call("countPeople", (people(10_000),)).await?;
        check!(got == "10000 people", "{got}");
        Ok(())
    });
    all.add("deep", |c| async move {
        let deep = (0..150).fold(Value::List(vec![]), |inner, _| Value::List(vec![inner]));
        let got = c.proxy().call_value("echo", (&deep,)).await?;
        check!(got == deep, "{}", shown(&got));
        let proxy = c.at("/thing").build()?;
        let chain = (0..60).fold(None, |next, i| {
            Some(Node { name: Some(format!("n{i}")), next: next.map(Box::new), friends: vec![] })
        });
        let got: Option<Node> = proxy.call("echo", (&chain,)).await?;
        check!(got == chain, "{got:?}");
        Ok(())
    });
    all.add("kwargs", kwargs);
    all.add("create_by_attribute", |c| async move {
        let got = c.proxy().attribute("java.api.class").await?;
        check!(got.as_deref() == Some("peer.Thing"), "{got:?}");
        let got = c.proxy().attribute("java.object.class").await?;
        check!(got.as_deref() == Some("peer.Thing"), "{got:?}");
        Ok(())
    });
    all.add("unknown_attribute", |c| async move {
        let got = c.proxy().attribute("java.nothing").await?;
        check!(got.is_none(), "{got:?}");
        Ok(())
    });
}

async fn kwargs(c: std::sync::Arc<crate::call::Ctx>) -> Outcome {
    let args = (41,);
    let mut call = Call::new("pow", &args);
    call.kwargs = Some(Payload::from(Value::Map(vec![("y".into(), 3.into())])));
    let Err(e) = c.proxy().call_unboxed(&call).await else {
        return Err(Failure::Wrong("it was sent without names".to_owned()));
    };
    check!(e.kind() == ErrorKind::Arguments && e.reached() == Reached::NotSent, "{e:?}");
    let param = |name: &'static str| ParamInfo { name: name.into(), ..ParamInfo::default() };
    let pow = MethodInfo { name: "pow".into(), params: vec![param("x"), param("y")].into(), ..MethodInfo::default() };
    let info = ServiceInfo { methods: vec![pow].into(), ..ServiceInfo::default() };
    let proxy = c.at("/thing").describe(info).build()?;
    let got: i64 = proxy.call_unboxed(&call).await?.result.decode()?;
    check!(got == 68_921, "{got}");
    Ok(())
}

fn http(all: &mut Features) {
    all.add("keep_alive", |c| async move {
        let proxy = c.at("/thing").max_connections(1).build()?;
        for i in 0..100 {
            let got: String = proxy.call("getData", (i.to_string(),)).await?;
            check!(got == format!("You got remote data => {i}"), "{got}");
        }
        check!(proxy.idle_connections() == 1, "{} connections", proxy.idle_connections());
        Ok(())
    });
    all.add("read_timeout", |c| async move {
        let proxy = c.at("/thing").timeout(Duration::from_millis(300)).build()?;
        let Err(e) = proxy.call::<String>("slow", (3.0,)).await else {
            return Err(Failure::Wrong("it answered".to_owned()));
        };
        check!(e.kind() == ErrorKind::Timeout && e.reached() == Reached::MaybeExecuted, "{e:?}");
        Ok(())
    });
    all.add("slow", |c| async move {
        let (a, b) = tokio::join!(c.proxy().call::<String>("slow", (0.2,)), c.proxy().call::<String>("slow", (0.1,)));
        check!(a? == "done" && b? == "done", "other answers");
        Ok(())
    });
    all.add("auth", |c| async move {
        let proxy = c.at("/auth").basic_auth(USER, PASSWORD).build()?;
        let got: String = proxy.call("getData", ("x",)).await?;
        check!(got == "You got remote data => x", "{got}");
        // In the URL.
        let url = format!("{}/auth", c.base).replacen("://", "://user:pa%3Ass%20w%C3%B6rd@", 1);
        let proxy = crate::serve::proxy(&url, c.column.way).build()?;
        let got: String = proxy.call("getData", ("x",)).await?;
        check!(got == "You got remote data => x" && !proxy.url().contains("pa%3A"), "{got}");
        Ok(())
    });
    all.add("auth_refused", |c| async move {
        for proxy in [c.at("/auth").basic_auth(USER, "wrong").build()?, c.at("/auth").build()?] {
            let Err(e) = proxy.call::<String>("getData", ("x",)).await else {
                return Err(Failure::Wrong("it answered".to_owned()));
            };
            check!(e.kind() == ErrorKind::Denied && e.reached() == Reached::Answered, "{e:?}");
        }
        Ok(())
    });
    all.add("deflate", |c| async move {
        for (accept, path) in [(true, "/deflate"), (false, "/deflate")] {
            let proxy = c.at(path).accept_deflate(accept).build()?;
            let got: String = proxy.call("bigText", (100_000,)).await?;
            check!(got == crate::thing::big_text(100_000), "another text of {}", got.len());
        }
        Ok(())
    });
}

macro_rules! typed {
    ($all:ident, $row:literal, $method:literal, $type:ty, [$($value:expr),*]) => {
        $all.add(concat!("typed:", $row), |c| async move {
            for value in [$($value),*] {
                let value: $type = value;
                let got: $type = c.proxy().call($method, (&value,)).await?;
                check!(got == value, "{value:?} came back as {got:?}");
            }
            Ok(())
        });
    };
}

fn typed(all: &mut Features) {
    fn person() -> Person {
        Person::new("Greg", "Turnquist", 40, &["a", "b"])
    }
    typed!(all, "boolean", "typedBoolean", bool, [true, false]);
    typed!(all, "boxed_boolean", "boxedBoolean", Option<bool>, [Some(true), None]);
    typed!(all, "byte", "typedByte", i8, [-5, 127]);
    typed!(all, "short", "typedShort", i16, [300, -300]);
    typed!(all, "int", "typedInt", i32, [-70_000]);
    typed!(all, "boxed_int", "boxedInt", Option<i32>, [Some(7), None]);
    typed!(all, "long", "typedLong", i64, [5, 1 << 40]);
    typed!(all, "float", "typedFloat", f32, [1.1]);
    typed!(all, "double", "typedDouble", f64, [0.009]);
    typed!(all, "char", "typedChar", char, ['\u{3a9}']);
    typed!(all, "string", "typedString", Option<String>, [Some("x\u{1f600}".to_owned()), None]);
    typed!(all, "date", "typedDate", DateTime, [DateTime::from_unix_nanos(123_456_000_000)?]);
    typed!(all, "bytes", "typedBytes", Blob, [blob(300).into(), blob(100_000).into()]);
    typed!(all, "ints", "typedInts", Vec<i32>, [vec![1, -2]]);
    typed!(all, "strings", "typedStrings", Vec<Option<String>>, [vec![Some("a".to_owned()), None]]);
    typed!(all, "enum", "typedEnum", Option<Color>, [Some(Color::Green), Some(Color::Red), None]);
    typed!(all, "decimal", "typedDecimal", Decimal, [Decimal("1.50".to_owned())]);
    typed!(
        all,
        "big_integer",
        "typedBigInteger",
        Integer,
        [Integer("1000000000000000000000000000000".parse().expect("a number"))]
    );
    typed!(all, "person", "typedPerson", Option<Person>, [Some(person()), None]);
    typed!(all, "persons", "typedPersons", Vec<Option<Person>>, [vec![Some(person()), None]]);
    typed!(all, "list", "typedList", Vec<Person>, [vec![person(), person()]]);
    typed!(all, "set", "typedSet", BTreeSet<String>, [BTreeSet::from(["a".to_owned(), "b".to_owned()])]);
    typed!(all, "map", "typedMap", BTreeMap<String, i32>, [BTreeMap::from([("a".to_owned(), 1)])]);
    for (row, method, sample) in
        [("uuid", "typedUuid", "uuid"), ("everything", "typedEverything", "everything"), ("node", "typedNode", "ring")]
    {
        all.add(format!("typed:{row}"), move |c| async move {
            let value = c.raw.call_value("sample", (sample,)).await?;
            let got = c.raw.call_value(method, (&value,)).await?;
            check!(same(&value, &got, true), "{} came back as {}", shown(&value), shown(&got));
            Ok(())
        });
    }
    all.add("typed_results", |c| async move {
        // A typed reader follows what refers back.
        let all: Vec<Value> = c.proxy().call("sample", ("people_shared",)).await?;
        check!(all.len() == 4, "{all:?}");
        #[derive(serde::Deserialize)]
        struct Shared(Person, Person, Vec<Person>, Person);
        let Shared(a, b, c_, d): Shared = c.proxy().call("sample", ("people_shared",)).await?;
        check!(a == b && c_ == [a.clone()] && d == a, "{a:?} {b:?} {c_:?} {d:?}");
        let wrong = c.proxy().call::<i64>("getData", ("x",)).await;
        check!(
            wrong.is_err_and(|e| e.kind() == ErrorKind::Mismatch && e.reached() == Reached::Answered),
            "no mismatch"
        );
        let e = c.proxy().call::<Node>("sample", ("ring",)).await;
        check!(e.is_err_and(|e| e.kind() == ErrorKind::Limit), "a ring has an end");
        Ok(())
    });
}

fn overloads(all: &mut Features) {
    fn over(
        all: &mut Features,
        row: &str,
        wanted: &'static str,
        args: impl Fn() -> Vec<Value> + Send + Sync + Copy + 'static,
    ) {
        all.add(format!("over:{row}"), move |c| async move {
            let proxy = c.at("/thing").overload(true).build()?;
            let got: String = proxy.call("over", args()).await?;
            check!(got == wanted, "{got}");
            Ok(())
        });
    }
    let array = |name: &str, items: Vec<Value>| {
        Value::Typed(Box::new(Typed { type_name: name.to_owned(), value: Value::List(items) }))
    };
    over(all, "none", "over()", Vec::new);
    over(all, "int", "over(int 1)", || vec![1.into()]);
    over(all, "long", "over(long 1)", || vec![1_i64.into()]);
    over(all, "double", "over(double 1.5)", || vec![1.5.into()]);
    over(all, "boolean", "over(boolean true)", || vec![true.into()]);
    over(all, "string", "over(String x)", || vec!["x".into()]);
    over(all, "date", "over(Date 5)", || vec![DateTime::from_unix_nanos(5_000_000).expect("a date").into()]);
    over(all, "bytes", "over(byte[] of 3)", || vec![Value::Bytes(vec![1, 2, 3].into())]);
    over(all, "ints", "over(int[] [1, 2])", move || vec![array("[int", vec![1.into(), 2.into()])]);
    over(all, "strings", "over(String[] [a])", move || vec![array("[string", vec!["a".into()])]);
    over(all, "list", "over(List of 1)", || vec![Value::List(vec![1.into()])]);
    over(all, "map", "over(Map of 1)", || vec![Value::Map(vec![("a".into(), 1.into())])]);
    over(all, "person", "over(Person Greg)", || vec![named("person").expect("a sample")]);
    over(all, "int_string", "over(int 1, String x)", || vec![1.into(), "x".into()]);
    over(all, "four", "over(String a, int 1, int 2, double 0.5)", || vec!["a".into(), 1.into(), 2.into(), 0.5.into()]);
    all.add("over:object", |c| async move {
        // What the method declares and the argument does not tell: by the name itself.
        let got: String = c.proxy().call(&mangled("over", ["java.lang.Object"]), ("x",)).await?;
        check!(got == "over(Object)", "{got}");
        Ok(())
    });
    all.add("over:not_mangled", |c| async move {
        if c.dialect() != Dialect::Hessian2 {
            return Err(Failure::Java("a call of Hessian 1 does not tell how many arguments it has".to_owned()));
        }
        let got: String = c.proxy().call("over", (1, "x")).await?;
        check!(got == "over(int 1, String x)", "{got}");
        Ok(())
    });
}

/// A stream of so many bytes, in pieces of odd sizes.
fn pattern(n: usize) -> impl tokio::io::AsyncRead + Send {
    let (mut writer, reader) = tokio::io::duplex(10_007);
    tokio::spawn(async move {
        let bytes: Vec<u8> = blob(251 * 40);
        let mut left = n;
        while left > 0 {
            let piece = left.min(bytes.len());
            if tokio::io::AsyncWriteExt::write_all(&mut writer, &bytes[..piece]).await.is_err() {
                return;
            }
            left -= piece;
        }
    });
    reader
}

fn streams(all: &mut Features) {
    all.add("stream:upload", |c| async move {
        let got: String = c.proxy().upload("upload", ("up",), pattern(20 << 20)).await?;
        check!(got == "up: 20971520 bytes", "{got}");
        let proxy = c.at("/thing").overload(true).build()?;
        let got: String = proxy.upload("upload", ("up",), pattern(100_000)).await?;
        check!(got == "up: 100000 bytes", "{got}");
        // The connection is as good as before.
        let got: String = c.proxy().call("getData", ("Hello",)).await?;
        check!(got == "You got remote data => Hello", "{got}");
        Ok(())
    });
    all.add("stream:upload_nothing", |c| async move {
        let got: String = c.proxy().upload("upload", ("up",), tokio::io::empty()).await?;
        check!(got == "up: 0 bytes", "{got}");
        Ok(())
    });
    all.add("stream:download", |c| async move {
        let mut data = c.proxy().download("download", (20 << 20,)).await?;
        let mut at = 0;
        while let Some(piece) = data.chunk().await? {
            check!(piece.iter().enumerate().all(|(i, b)| *b as usize == (at + i) % 251), "wrong after byte {at}");
            at += piece.len();
        }
        check!(at == 20 << 20, "{at} bytes");
        drop(data);
        // An ordinary method's bytes, nothing, and the whole in memory.
        let mut out = Vec::new();
        let n = c.proxy().download("blob", (100_000,)).await?.copy_to(&mut out).await?;
        check!(n == 100_000 && out == blob(100_000), "{n} bytes");
        let none = c.proxy().download("download", (0,)).await?.chunk().await?;
        check!(none.is_none(), "{none:?}");
        let e = c.proxy().download("getData", ("x",)).await;
        check!(e.as_ref().is_err_and(|e| e.kind() == ErrorKind::Mismatch), "a text is taken for a stream");
        let e = c.proxy().download("fail", ("runtime", "boom")).await;
        check!(e.is_err_and(|e| e.exception().is_some_and(|x| x.message == "boom")), "no exception");
        Ok(())
    });
    all.add("stream:download_as_bytes", |c| async move {
        let got: Blob = c.proxy().call("download", (20 << 20,)).await?;
        check!(*got.0 == *blob(20 << 20), "others: {}", got.len());
        Ok(())
    });
}

fn references(all: &mut Features) {
    all.add("reference:open", |c| async move {
        let owner = owner("anna", c.dialect());
        let Value::Remote(reference) = c.proxy().call_value("open", (&*owner,)).await? else {
            return Err(Failure::Wrong("no reference".to_owned()));
        };
        check!(reference.type_name.as_deref() == Some("peer.Account"), "{reference:?}");
        let account = AccountProxy::new(c.proxy().remote(&reference)?);
        check!(account.owner().await? == owner, "another owner");
        let before = account.deposit(0).await?;
        check!(account.deposit(10).await? == before + 10, "another balance");
        // By a trait's method, too.
        let reference = ThingProxy::new(c.proxy().clone()).open(&owner).await?;
        let got: String = c.proxy().remote(&reference)?.call("owner", ()).await?;
        check!(got == owner, "{got}");
        Ok(())
    });
    all.add("reference:pass", |c| async move {
        let owner = owner("bert", c.dialect());
        let reference = c.proxy().call_value("open", (&*owner,)).await?;
        if c.base.starts_with("https") {
            return Err(Failure::Java("the server's own proxies have no certificates".to_owned()));
        }
        let got: String = c.proxy().call("visit", (&reference,)).await?;
        check!(got.starts_with(&format!("{owner} has ")), "{got}");
        Ok(())
    });
}
