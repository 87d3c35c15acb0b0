//! The one suite: what is done with an object, wherever it is. Each feature is a row of the table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use springline::{
    Blob, BoxFuture, Call, CallKind, DateTime, Decimal, Error, ErrorKind, Integer, Payload, Reached, Reply, Service,
    Set, Value,
};

use crate::thing::{BankError, Entry, Line, Money, MyThing, Order, Thing, ThingRef};

/// A way to the object. What is called knows nothing of it; the object itself is at hand to look at what arrived.
pub(crate) struct Carrier {
    pub(crate) thing: ThingRef,
    pub(crate) service: Arc<dyn Service>,
    pub(crate) object: MyThing,
    /// What the object is told of the protocol it is called by, one of these.
    pub(crate) labels: Vec<String>,
}

/// Why a feature is not there.
pub(crate) enum Failure {
    /// The call failed.
    Error(Error),
    /// The call went well, without what it should have had.
    Lost(&'static str),
    /// Something else came of it.
    Wrong(String),
}

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        Self::Error(e)
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self::Wrong(text)
    }
}

pub(crate) type Outcome = Result<(), Failure>;

pub(crate) type Feature = for<'a> fn(&'a Carrier) -> BoxFuture<'a, Outcome>;

macro_rules! same {
    ($got:expr, $wanted:expr) => {
        let (got, wanted) = ($got, $wanted);
        if got != wanted {
            return Err(Failure::Wrong(format!("{} is {got:?}, wanted {wanted:?}", stringify!($got))));
        }
    };
}

macro_rules! features {
    ($($name:ident)*) => {
        /// All rows, in order.
        pub(crate) const FEATURES: &[(&str, Feature)] = &[$((stringify!($name), |c| Box::pin($name(c)))),*];
    };
}

features! {
    nothing booleans ints longs floats texts bytes dates lists maps maps_by_number structs classes enums options tuples sets
    decimals big_ints values shared cycles big_text big_bytes big_list many_structs
    optional_arguments keywords too_many_arguments wrong_arguments unknown_method exceptions exception_text own_exceptions
    panics oneway concurrent in_order dropped_call
    correlation annotations reply_annotations get_attribute set_attribute introspection protocol deadline
}

async fn nothing(c: &Carrier) -> Outcome {
    Ok(c.thing.nothing().await?)
}

async fn booleans(c: &Carrier) -> Outcome {
    same!(c.thing.flip(vec![true, false]).await?, vec![false, true]);
    Ok(())
}

async fn ints(c: &Carrier) -> Outcome {
    same!(c.thing.ints(vec![i32::MAX, 0, -1, 65_536, i32::MIN]).await?, vec![i32::MIN, -1, 0, 65_536, i32::MAX]);
    Ok(())
}

async fn longs(c: &Carrier) -> Outcome {
    same!(c.thing.longs(vec![i64::MAX, 1 << 40, i64::MIN]).await?, vec![i64::MIN, 1 << 40, i64::MAX]);
    Ok(())
}

async fn floats(c: &Carrier) -> Outcome {
    let got = c.thing.floats(vec![0.5, -1.0e300, f64::MIN_POSITIVE, 3.0, 0.1]).await?;
    same!(got, vec![-0.5, 1.0e300, -f64::MIN_POSITIVE, -3.0, -0.1]);
    Ok(())
}

async fn texts(c: &Carrier) -> Outcome {
    let texts = ["", "plain", "caf\u{e9} \u{20ac}", "\u{1f600}\u{10ffff}", "<a href=\"x\">&amp;</a> ]]>", "'\\\" \n\t"];
    let texts: Vec<String> = texts.map(str::to_owned).to_vec();
    same!(c.thing.texts(texts.clone()).await?, texts.into_iter().rev().collect::<Vec<_>>());
    same!(c.thing.texts(Vec::new()).await?, Vec::<String>::new());
    Ok(())
}

async fn bytes(c: &Carrier) -> Outcome {
    let all: Vec<u8> = (0..=255).collect();
    let got = c.thing.bytes(vec![Blob::from(Vec::new()), Blob::from(all.clone())]).await?;
    same!(got, vec![Blob::from(Vec::new()), Blob::from(all.into_iter().rev().collect::<Vec<u8>>())]);
    Ok(())
}

async fn dates(c: &Carrier) -> Outcome {
    let (one, two) = ("1999-12-31T23:59:59", "2020-02-29T00:00:00");
    let [one, two] = [one, two].map(DateTime::parse);
    let (one, two) = (one?, two?);
    // Hessian's dates are instants: without an offset they are taken for UTC.
    let got = c.thing.dates(vec![one, two]).await?;
    let bare: Vec<(_, _)> = got.iter().map(|d| (d.date, d.time)).collect();
    same!(bare, vec![(two.date, two.time), (one.date, one.time)]);
    if got.iter().any(|d| d.offset.is_some_and(|offset| offset != 0)) {
        return Err(Failure::Wrong(format!("{got:?}")));
    }
    Ok(())
}

async fn lists(c: &Carrier) -> Outcome {
    let lists = vec![vec![], vec![1, 2, 3], vec![-1]];
    same!(c.thing.lists(lists.clone()).await?, lists.into_iter().rev().collect::<Vec<_>>());
    same!(c.thing.lists(Vec::new()).await?, Vec::<Vec<i32>>::new());
    Ok(())
}

async fn maps(c: &Carrier) -> Outcome {
    let one = |k: &str, v: BTreeMap<String, i32>| (k.to_owned(), v);
    let inner = BTreeMap::from([("a".to_owned(), 1), ("\u{fc} b".to_owned(), -2)]);
    let maps = BTreeMap::from([one("full", inner.clone()), one("empty", BTreeMap::new()), one("\u{1f600}", inner)]);
    let wanted: BTreeMap<_, _> = maps.clone().into_iter().map(|(k, v)| (format!("{k}!"), v)).collect();
    same!(c.thing.maps(maps).await?, wanted);
    same!(c.thing.maps(BTreeMap::new()).await?, BTreeMap::new());
    Ok(())
}

async fn maps_by_number(c: &Carrier) -> Outcome {
    let got = c.thing.by_number(BTreeMap::from([(1, "one".to_owned()), (70_000, "many".to_owned())])).await?;
    same!(got, BTreeMap::from([(-1, "one".to_owned()), (-70_000, "many".to_owned())]));
    Ok(())
}

fn line(what: &str, tags: &[&str]) -> Line {
    let price = Money { cents: 1999, currency: "EUR".to_owned() };
    Line { what: what.to_owned(), price, tags: tags.iter().map(|&t| t.to_owned()).collect() }
}

fn an_order() -> Order {
    Order {
        number: 41,
        lines: vec![line("Tea", &["hot", "\u{20ac}"]), line("", &[])],
        note: Some("soon".to_owned()),
        by_name: BTreeMap::from([("x".to_owned(), line("X", &["y"]))]),
    }
}

async fn structs(c: &Carrier) -> Outcome {
    same!(c.thing.order(an_order()).await?, Order { number: 42, ..an_order() });
    Ok(())
}

async fn classes(c: &Carrier) -> Outcome {
    let money = |cents, currency: &str| Money { cents, currency: currency.to_owned() };
    let got = c.thing.money(vec![money(1, "EUR"), money(-5, "SEK")]).await?;
    same!(got, vec![money(2, "EUR"), money(-10, "SEK")]);
    Ok(())
}

async fn enums(c: &Carrier) -> Outcome {
    let entries =
        vec![Entry::Opened, Entry::Paid { cents: 5, to: Some("Ada".to_owned()) }, Entry::Note("n\u{e9}".to_owned())];
    same!(c.thing.entries(entries.clone()).await?, entries.into_iter().rev().collect::<Vec<_>>());
    Ok(())
}

async fn options(c: &Carrier) -> Outcome {
    same!(c.thing.options(vec![None, Some(7), Some(0)]).await?, vec![Some(0), Some(7), None]);
    Ok(())
}

async fn tuples(c: &Carrier) -> Outcome {
    same!(c.thing.pairs((1, "two".to_owned(), (true,))).await?, (2, "two".to_owned(), (false,)));
    Ok(())
}

async fn sets(c: &Carrier) -> Outcome {
    let got = c.thing.sets(Set(BTreeSet::from(["a".to_owned(), "b".to_owned()]))).await?;
    same!(got.0.into_iter().collect::<Vec<_>>(), vec!["a".to_owned(), "b".to_owned(), "more".to_owned()]);
    Ok(())
}

async fn decimals(c: &Carrier) -> Outcome {
    same!(c.thing.decimals(Decimal("12345678901234567890.12".to_owned())).await?.0, "12345678901234567890.125");
    Ok(())
}

async fn big_ints(c: &Carrier) -> Outcome {
    let big: Integer = Integer("123456789012345678901234567890".parse().map_err(|e| format!("{e}"))?);
    same!(c.thing.big_ints(big.clone()).await?.0, big.0);
    Ok(())
}

// Numbers of one size and another, and lists and tuples, are the same thing to some wires.
fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::F64(a), Value::F64(b)) => a == b,
        _ if a.as_i64().is_some() && !matches!(a, Value::Bool(_)) => a.as_i64() == b.as_i64(),
        _ => match (a.as_items(), b.as_items(), a.as_pairs(), b.as_pairs()) {
            (Some(a), Some(b), ..) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
            (_, _, Some(a), Some(b)) => {
                let found = |k: &Value, v: &Value| b.iter().any(|(l, w)| alike(k, l) && alike(v, w));
                a.len() == b.len() && a.iter().all(|(k, v)| found(k, v))
            }
            _ => a == b,
        },
    }
}

fn pair(key: &str, value: impl Into<Value>) -> (Value, Value) {
    (key.into(), value.into())
}

async fn values(c: &Carrier) -> Outcome {
    let inner = Value::Map(vec![pair("l", Value::Bool(true)), pair("m", Value::List(Vec::new()))]);
    let value = Value::List(vec![
        Value::Null,
        Value::I32(-7),
        Value::F64(2.5),
        "caf\u{e9} <&>".into(),
        Value::List(vec![1.into(), Value::List(vec![Value::List(Vec::new())]), "two".into()]),
        Value::Map(vec![pair("k", inner), pair("", Value::Map(Vec::new()))]),
    ]);
    let got = c.thing.anything(value.clone()).await?;
    if !alike(&value, &got) {
        return Err(Failure::Wrong(format!("the echo of {value:?} is {got:?}")));
    }
    Ok(())
}

async fn shared(c: &Carrier) -> Outcome {
    // Twice the same list: the second one a reference where the wire has them.
    let value = Value::List(vec![Value::List(vec![1.into(), 2.into()]), Value::Back(1)]);
    let got = c.thing.anything(value).await?;
    let list = Value::List(vec![1.into(), 2.into()]);
    let second = match got.get(1) {
        Some(Value::Back(1)) => got.get(0),
        other => other,
    };
    if !(got.get(0).is_some_and(|first| alike(first, &list)) && second.is_some_and(|second| alike(second, &list))) {
        return Err(Failure::Wrong(format!("{got:?}")));
    }
    Ok(())
}

async fn cycles(c: &Carrier) -> Outcome {
    let got = c.thing.anything(Value::List(vec![1.into(), Value::Back(0)])).await?;
    if !(matches!(got.get(1), Some(Value::Back(0))) && got.get(0).and_then(Value::as_i64) == Some(1)) {
        return Err(Failure::Wrong(format!("{got:?}")));
    }
    Ok(())
}

async fn big_text(c: &Carrier) -> Outcome {
    let text = "The quick br\u{f6}wn f\u{1f600}x & <others>. ".repeat(30_000);
    let got = c.thing.texts(vec![text.clone(), String::new()]).await?;
    same!((got.len(), got.get(1) == Some(&text)), (2, true));
    Ok(())
}

async fn big_bytes(c: &Carrier) -> Outcome {
    let data: Vec<u8> = (0..3_000_000_u32).map(|n| (n * 7 % 251) as u8).collect();
    let got = c.thing.bytes(vec![Blob::from(data.clone())]).await?;
    same!((got.len(), got.first().is_some_and(|got| got.0.iter().eq(data.iter().rev()))), (1, true));
    Ok(())
}

async fn big_list(c: &Carrier) -> Outcome {
    let sorted: Vec<i32> = (-50_000..50_000).map(|n| n * 40_000).collect();
    let got = c.thing.ints(sorted.iter().rev().copied().collect()).await?;
    same!(got == sorted, true);
    Ok(())
}

async fn many_structs(c: &Carrier) -> Outcome {
    let lines: Vec<Line> = (0..2_000).map(|n| line(&format!("thing {n}"), &["a", "b"])).collect();
    let order = Order { lines, ..an_order() };
    let got = c.thing.order(order.clone()).await?;
    same!(got == Order { number: 42, ..order }, true);
    Ok(())
}

async fn optional_arguments(c: &Carrier) -> Outcome {
    same!(c.thing.greet("Ada".to_owned(), Some("Hej".to_owned())).await?, "Hej, Ada");
    same!(c.thing.greet("Ada".to_owned(), None).await?, "Good day, Ada");
    // Left out altogether, as callers without types do.
    same!(text(c.service.call(&Call::new("greet", &("Bob",))).await?)?, "Good day, Bob");
    Ok(())
}

fn text(reply: Reply) -> Result<String, Error> {
    reply.result.decode()
}

async fn keywords(c: &Carrier) -> Outcome {
    let kwargs = Value::Map(vec![pair("greeting", "Moin"), pair("name", "Ada")]);
    let call = Call { kwargs: Some(Payload::from(kwargs)), ..Call::new("greet", &()) };
    same!(text(c.service.call(&call).await?)?, "Moin, Ada");
    Ok(())
}

// What the object says of arguments, here and from afar.
fn type_error(e: Error, part: &str) -> Outcome {
    // Java has its own word for it, and XML-RPC a number.
    let class = e
        .exception()
        .is_none_or(|x| x.is("TypeError") || x.class == "java.lang.IllegalArgumentException" || x.code == Some(-32602));
    let kind = matches!(e.kind(), ErrorKind::Remote | ErrorKind::Arguments);
    if class && kind && e.to_string().contains(part) {
        return Ok(());
    }
    Err(Failure::Wrong(format!("wanted {part:?}: {:?} {e:?}", e.kind())))
}

async fn too_many_arguments(c: &Carrier) -> Outcome {
    match c.service.call(&Call::new("greet", &("a", "b", "c"))).await {
        Ok(reply) => Err(Failure::Wrong(format!("{reply:?}"))),
        Err(e) => type_error(e, "greet() takes 2 positional arguments but 3 were given"),
    }
}

async fn wrong_arguments(c: &Carrier) -> Outcome {
    match c.service.call(&Call::new("ints", &("no list",))).await {
        Ok(reply) => Err(Failure::Wrong(format!("{reply:?}"))),
        Err(e) => type_error(e, "argument 1 'x' of ints(): expected a list, found a string"),
    }
}

async fn unknown_method(c: &Carrier) -> Outcome {
    let e = match c.service.call(&Call::new("no_such_thing", &())).await {
        Ok(reply) => return Err(Failure::Wrong(format!("{reply:?}"))),
        Err(e) => e,
    };
    let told = e.report();
    // Each world has its own word for it.
    let class = match e.exception() {
        Some(x) => x.is("AttributeError") || x.class == "NoSuchMethodException" || x.code == Some(-32601),
        None => e.kind() == ErrorKind::NotFound,
    };
    if !(told.contains("no_such_thing") && class) {
        return Err(Failure::Wrong(format!("{:?} {:?} {e:?}", e.kind(), e.reached())));
    }
    Ok(())
}

fn exception(outcome: springline::Result<()>, class: &str, message: &str) -> Outcome {
    let Err(e) = outcome else { return Err(Failure::Wrong("it does not fail".to_owned())) };
    same!((e.kind(), e.reached()), (ErrorKind::Remote, Reached::Answered));
    match e.exception() {
        Some(x) if x.is(class) && x.message == message => Ok(()),
        other => Err(Failure::Wrong(format!("wanted {class}: {message}, got {other:?}"))),
    }
}

async fn exceptions(c: &Carrier) -> Outcome {
    exception(c.thing.fail("ValueError", "the message").await, "ValueError", "the message")?;
    exception(c.thing.fail("KeyError", "the key").await, "KeyError", "the key")?;
    exception(c.thing.fail("bank.Unknown", "of our own").await, "bank.Unknown", "of our own")
}

async fn exception_text(c: &Carrier) -> Outcome {
    for message in ["", "caf\u{e9}: \u{1f600}", "<b>&amp;</b>: a \"quoted\" one\nand a second line"] {
        exception(c.thing.fail("ValueError", message).await, "ValueError", message)?;
    }
    Ok(())
}

async fn own_exceptions(c: &Carrier) -> Outcome {
    same!(c.thing.pay(30).await.map_err(|e| e.to_string())?, 70);
    match c.thing.pay(0).await {
        Err(BankError::Closed(text)) if text == "closed for good" => {}
        other => return Err(Failure::Wrong(format!("{other:?}"))),
    }
    match c.thing.pay(130).await {
        Err(BankError::InsufficientFunds { missing: 30, account }) if account == "savings \u{20ac}" => Ok(()),
        Err(BankError::Rpc(e)) if e.kind() == ErrorKind::Remote => {
            // The class came, the fields did not.
            match e.exception() {
                Some(x) if x.is("bank.InsufficientFunds") => Err(Failure::Lost("the fields of exceptions")),
                other => Err(Failure::Wrong(format!("{other:?}"))),
            }
        }
        other => Err(Failure::Wrong(format!("{other:?}"))),
    }
}

async fn panics(c: &Carrier) -> Outcome {
    let Err(e) = c.thing.panics().await else { return Err(Failure::Wrong("it does not fail".to_owned())) };
    if e.report().contains("secret") || e.reached() != Reached::Answered {
        return Err(Failure::Wrong(e.report()));
    }
    same!(c.thing.ints(vec![1]).await?, vec![1]);
    Ok(())
}

const PATIENCE: Duration = Duration::from_secs(60);

// What comes about in its own time.
async fn soon(what: &str, mut holds: impl FnMut() -> bool) -> Outcome {
    let until = Instant::now() + PATIENCE;
    while !holds() {
        if Instant::now() > until {
            return Err(Failure::Wrong(format!("{what} does not come about")));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

async fn oneway(c: &Carrier) -> Outcome {
    for n in 0..5 {
        c.thing.note(format!("line {n}")).await?;
    }
    soon("the notes", || c.object.notes().len() == 5).await?;
    let mut notes = c.object.notes();
    notes.sort();
    same!(notes, (0..5).map(|n| format!("line {n}")).collect::<Vec<_>>());
    Ok(())
}

async fn concurrent(c: &Carrier) -> Outcome {
    let calls = (0..40).map(|n| {
        let thing = c.thing.clone();
        tokio::spawn(async move { (n, thing.slow(n * 7 % 20, n).await) })
    });
    for call in calls.collect::<Vec<_>>() {
        let (n, answer) = call.await.map_err(|e| e.to_string())?;
        same!(answer?, n);
    }
    Ok(())
}

async fn in_order(c: &Carrier) -> Outcome {
    let first = c.thing.count().await?;
    for n in 1..100 {
        same!(c.thing.count().await?, first + n);
    }
    Ok(())
}

async fn deadline(c: &Carrier) -> Outcome {
    // What the rows before have left behind.
    soon("an idle object", || c.object.running() == 0).await?;
    // Far beyond the deadline, that a busy machine does not make one of the two.
    let args = (4_000, 1);
    let mut call = Call::new("slow", &args);
    call.options.deadline = Some(Instant::now() + Duration::from_millis(200));
    let (begun, finished) = (c.object.begun(), c.object.finished());
    match c.service.call(&call).await {
        Ok(_) => return Err(Failure::Lost("deadlines")),
        Err(e) if e.kind() == ErrorKind::Timeout => {}
        Err(e) => return Err(Failure::Wrong(format!("wanted a timeout: {:?} {}", e.kind(), e.report()))),
    }
    // The call is over where it was sent to as well, however many hands it went through.
    let until = Instant::now() + Duration::from_secs(5);
    while c.object.begun() == begun && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    soon("the end of the call", || c.object.running() == 0).await?;
    same!(c.thing.ints(vec![2, 1]).await?, vec![1, 2]);
    if c.object.finished() != finished {
        return Err(Failure::Lost("deadlines"));
    }
    Ok(())
}

async fn dropped_call(c: &Carrier) -> Outcome {
    let (thing, before) = (c.thing.clone(), c.object.begun());
    let call = tokio::spawn(async move { thing.slow(100, 1).await });
    soon("the call", || c.object.begun() > before).await?;
    call.abort();
    let calls = (2..6).map(|n| {
        let thing = c.thing.clone();
        tokio::spawn(async move { (n, thing.slow(1, n).await) })
    });
    for call in calls.collect::<Vec<_>>() {
        let (n, answer) = call.await.map_err(|e| e.to_string())?;
        same!(answer?, n);
    }
    Ok(())
}

const ID: [u8; 16] = [0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 1, 2, 3, 4, 5, 6, 7, 8];

async fn correlation(c: &Carrier) -> Outcome {
    let mut call = Call::new("correlation", &());
    call.options.metadata.correlation_id = Some(ID);
    let got: Option<String> = c.service.call(&call).await?.result.decode()?;
    match got.as_deref() {
        Some("12345678-9abc-def0-0102-030405060708") => Ok(()),
        None => Err(Failure::Lost("correlation ids")),
        other => Err(Failure::Wrong(format!("{other:?}"))),
    }
}

async fn annotations(c: &Carrier) -> Outcome {
    let mut call = Call::new("annotated", &());
    call.options.metadata.set("WITH", "note");
    let got: Option<String> = c.service.call(&call).await?.result.decode()?;
    match got.as_deref() {
        Some("note") => Ok(()),
        None => Err(Failure::Lost("annotations")),
        other => Err(Failure::Wrong(format!("{other:?}"))),
    }
}

async fn reply_annotations(c: &Carrier) -> Outcome {
    match c.service.call(&Call::new("annotated", &())).await?.metadata.get("BACK") {
        Some(data) if &data[..] == b"and back" => Ok(()),
        None => Err(Failure::Lost("annotations of replies")),
        other => Err(Failure::Wrong(format!("{other:?}"))),
    }
}

async fn get_attribute(c: &Carrier) -> Outcome {
    same!(c.thing.colour().await?, "blue");
    Ok(())
}

async fn set_attribute(c: &Carrier) -> Outcome {
    let args = ("green",);
    c.service.call(&Call { kind: CallKind::SetAttr, ..Call::new("colour", &args) }).await?;
    same!(c.object.colour(), "green");
    Ok(())
}

async fn introspection(c: &Carrier) -> Outcome {
    match c.service.learn().await? {
        None => Err(Failure::Lost("the names of what the object offers")),
        Some(info) if info.method("greet").is_some() && info.method("no_such_thing").is_none() => Ok(()),
        Some(info) => Err(Failure::Wrong(format!("{info:?}"))),
    }
}

async fn protocol(c: &Carrier) -> Outcome {
    let got = c.thing.protocol().await?;
    if !c.labels.contains(&got) {
        return Err(Failure::Wrong(format!("the object is called by {got:?}, wanted one of {:?}", c.labels)));
    }
    Ok(())
}
