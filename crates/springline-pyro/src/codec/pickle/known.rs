//! Classes and functions whose calls stand for something that has a form here. No name is ever looked up in anything
//! but this table, and nothing is ever called.

use springline_core::{Date, DateTime, ListKind, RemoteRef, Time};

use super::graph::{Graph, Item, Kind, Object, Rare};
use crate::PyroUri;

/// What a global is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    List(ListKind),
    Map,
    DefaultDict,
    Deque,
    Complex,
    /// `bytes` or `bytearray`.
    Bytes,
    /// `_codecs.encode`, which is how Python 3 writes bytes up to protocol 2.
    Encode,
    DateTime,
    Date,
    Time,
    Decimal,
    Uuid,
    /// `object`.
    Object,
    Reconstructor,
    NewObject,
    NewObjectEx,
    GetAttr,
    /// Pyro 3's URI.
    PyroUri,
    /// Pyro 3's proxies.
    PyroProxy,
    /// Pyro 4's URI.
    Pyro4Uri,
    /// Pyro 4's proxy.
    Pyro4Proxy,
    Other,
}

/// Python 3's name of a module that Python 2 calls otherwise.
pub(super) fn module_name(module: &str) -> &str {
    match module {
        "__builtin__" | "exceptions" => "builtins",
        "copy_reg" => "copyreg",
        other => other,
    }
}

impl Known {
    pub(super) fn of(module: &str, name: &str) -> Self {
        match (module, name) {
            ("builtins", "set") => Self::List(ListKind::Set),
            ("builtins", "frozenset") => Self::List(ListKind::FrozenSet),
            ("sets", "Set") => Self::List(ListKind::Set),
            ("builtins", "complex") => Self::Complex,
            ("builtins", "bytes" | "bytearray") => Self::Bytes,
            ("builtins", "object") => Self::Object,
            ("builtins", "getattr") => Self::GetAttr,
            ("_codecs", "encode") => Self::Encode,
            ("datetime", "datetime") => Self::DateTime,
            ("datetime", "date") => Self::Date,
            ("datetime", "time") => Self::Time,
            ("decimal" | "_decimal", "Decimal") => Self::Decimal,
            ("uuid", "UUID") => Self::Uuid,
            ("collections", "OrderedDict" | "Counter") => Self::Map,
            ("collections", "defaultdict") => Self::DefaultDict,
            ("collections", "deque") => Self::Deque,
            ("copyreg", "_reconstructor") => Self::Reconstructor,
            ("copyreg", "__newobj__") => Self::NewObject,
            ("copyreg", "__newobj_ex__") => Self::NewObjectEx,
            ("Pyro.core", "PyroURI") => Self::PyroUri,
            ("Pyro.core", "DynamicProxy" | "DynamicProxyWithAttrs") | ("Pyro.naming", "NameServerProxy") => {
                Self::PyroProxy
            }
            ("Pyro4.core", "URI") => Self::Pyro4Uri,
            ("Pyro4.core", "Proxy") => Self::Pyro4Proxy,
            _ => Self::Other,
        }
    }
}

/// What `known(*args)` is, if that has a form here.
pub(super) fn called<'de>(graph: &mut Graph<'de>, known: Known, args: Item<'de>, at: usize) -> Option<Item<'de>> {
    let values: Vec<Item<'de>> = graph.tuple(args)?.iter().take(12).copied().collect();
    match (known, values.as_slice()) {
        (Known::List(kind), []) => Some(Item::Node(graph.add(Kind::List(kind), at))),
        (Known::List(kind), [Item::Node(n)]) if matches!(graph.node(*n)?.kind, Kind::List(_)) => {
            let set = graph.add(Kind::List(kind), at);
            graph.append_again(set, *n);
            Some(Item::Node(set))
        }
        (Known::Map, []) | (Known::DefaultDict, [] | [_]) => Some(Item::Node(graph.add(Kind::Map, at))),
        (Known::Map, [Item::Node(n)]) | (Known::DefaultDict, [_, Item::Node(n)]) => dict(graph, *n, at),
        (Known::Deque, []) => Some(Item::Node(graph.add(Kind::List(ListKind::List), at))),
        (Known::Deque, [Item::Node(n)] | [Item::Node(n), _]) if matches!(graph.node(*n)?.kind, Kind::List(_)) => {
            let list = graph.add(Kind::List(ListKind::List), at);
            graph.append_again(list, *n);
            Some(Item::Node(list))
        }
        (Known::Complex, [re, im]) => {
            let rare = Rare::Complex(graph.number_of(*re)?, graph.number_of(*im)?);
            Some(graph.rare(rare))
        }
        (Known::Bytes, []) => Some(Item::Bytes(&[])),
        (Known::Bytes, [bytes @ (Item::Bytes(_) | Item::Blob(_))]) => Some(*bytes),
        (Known::Bytes | Known::Encode, [text, encoding]) => encode(graph, *text, *encoding),
        (Known::DateTime | Known::Date | Known::Time, _) => date(graph, known, &values),
        (Known::Decimal, [text]) => {
            let text = Rare::Decimal(graph.str_of(*text)?.to_owned());
            Some(graph.rare(text))
        }
        (Known::PyroUri | Known::PyroProxy, [uri]) => {
            let uri = graph.str_of(*uri)?.to_owned();
            let remote = if known == Known::PyroUri { RemoteRef::uri(uri) } else { RemoteRef::proxy(uri) };
            Some(graph.rare(Rare::Remote(remote)))
        }
        (Known::Pyro4Uri | Known::Pyro4Proxy, [uri]) => {
            let uri = pyro4_uri(graph, *uri)?;
            let remote = if known == Known::Pyro4Uri { RemoteRef::uri(uri) } else { RemoteRef::proxy(uri) };
            Some(graph.rare(Rare::Remote(remote)))
        }
        _ => None,
    }
}

// A URI, or its text.
fn pyro4_uri<'de>(graph: &Graph<'de>, uri: Item<'de>) -> Option<String> {
    match graph.resolve(uri) {
        Item::Rare(n) => match graph.rares.get(n as usize)? {
            Rare::Remote(remote) => Some(remote.uri.clone()),
            _ => None,
        },
        text => graph.str_of(text).map(str::to_owned),
    }
}

// A dict from another one, or from a list of pairs, as Python 2 writes an OrderedDict.
fn dict<'de>(graph: &mut Graph<'de>, from: u32, at: usize) -> Option<Item<'de>> {
    match graph.node(from)?.kind {
        Kind::Map => {
            let map = graph.add(Kind::Map, at);
            graph.append_again(map, from);
            Some(Item::Node(map))
        }
        Kind::List(_) => {
            let pairs: Option<Vec<[Item<'de>; 2]>> = graph
                .each(from)
                .map(|pair| {
                    let Item::Node(n) = pair else { return None };
                    let mut items = graph.each(n);
                    let pair = [items.next()?, items.next()?];
                    (items.next().is_none() && matches!(graph.node(n)?.kind, Kind::List(_))).then_some(pair)
                })
                .collect();
            let pairs = pairs?;
            let map = graph.add(Kind::Map, at);
            graph.append(map, pairs.as_flattened());
            Some(Item::Node(map))
        }
        _ => None,
    }
}

// Text in an encoding that has one byte a character.
fn encode<'de>(graph: &mut Graph<'de>, text: Item<'de>, encoding: Item<'de>) -> Option<Item<'de>> {
    let encoding = graph.str_of(encoding)?;
    let limit = match encoding {
        "latin1" | "latin-1" | "iso-8859-1" | "iso8859-1" | "l1" => '\u{ff}',
        "ascii" => '\u{7f}',
        _ => return None,
    };
    let text = graph.str_of(text)?;
    let bytes: Option<Vec<u8>> =
        text.chars().map(|c| if c <= limit { u8::try_from(u32::from(c)).ok() } else { None }).collect();
    Some(graph.blob(&bytes?))
}

// The packed forms of the module datetime. The highest bit of the first byte of a time, or of the month, is `fold`.
fn date<'de>(graph: &mut Graph<'de>, known: Known, args: &[Item<'de>]) -> Option<Item<'de>> {
    if let [Item::Int(_), Item::Int(_), ..] = args {
        let value = date_of_numbers(graph, known, args)?;
        return Some(graph.rare(Rare::DateTime(value)));
    }
    let (packed, zone) = match args {
        [packed] => (*packed, None),
        [packed, zone] => (*packed, Some(*zone)),
        _ => return None,
    };
    let offset = match zone {
        None | Some(Item::None) => None,
        Some(zone) => Some(offset_of(graph, zone)?),
    };
    // Python 3 reads Python 2's bytes as text of that many characters.
    let packed = graph.bytes_of(packed)?;
    let date = |b: &[u8]| match b {
        [high, low, month, day] => Date::new(i32::from(*high) << 8 | i32::from(*low), month & 0x7f, *day).ok(),
        _ => None,
    };
    let time = |b: &[u8]| match b {
        [hour, minute, second, a, b, c] => {
            let micros = u32::from(*a) << 16 | u32::from(*b) << 8 | u32::from(*c);
            Time::new(hour & 0x7f, *minute, *second, micros.checked_mul(1000)?).ok()
        }
        _ => None,
    };
    let value = match known {
        Known::Date => DateTime::from_date(date(packed)?),
        Known::Time => DateTime { date: None, time: Some(time(packed)?), offset },
        _ => {
            let (day, clock) = packed.split_at_checked(4)?;
            DateTime { date: Some(date(day)?), time: Some(time(clock)?), offset }
        }
    };
    Some(graph.rare(Rare::DateTime(value)))
}

// The constructors' own arguments, which is what is written here.
fn date_of_numbers<'de>(graph: &Graph<'de>, known: Known, args: &[Item<'de>]) -> Option<DateTime> {
    let zone = args.iter().find_map(|arg| matches!(arg, Item::Node(_)).then_some(*arg));
    let numbers = args.iter().map_while(|arg| match arg {
        Item::Int(v) => u32::try_from(*v).ok(),
        _ => None,
    });
    let numbers: Vec<u32> = numbers.collect();
    if numbers.len() + usize::from(zone.is_some()) != args.len() {
        return None;
    }
    let offset = match zone {
        Some(zone) => Some(offset_of(graph, zone)?),
        None => None,
    };
    let (day, clock) = if known == Known::Time {
        (None, &*numbers)
    } else {
        numbers.split_at_checked(3).map(|(a, b)| (Some(a), b))?
    };
    let small = |v: u32| u8::try_from(v).ok();
    let date = match day {
        Some([year, month, day]) => Some(Date::new(i32::try_from(*year).ok()?, small(*month)?, small(*day)?).ok()?),
        Some(_) => return None,
        None => None,
    };
    let part = |i: usize| clock.get(i).copied().unwrap_or(0);
    let time = match known {
        Known::Date if clock.is_empty() => None,
        Known::DateTime | Known::Time if clock.len() <= 4 => {
            let nanos = part(3).checked_mul(1000)?;
            Some(Time::new(small(part(0))?, small(part(1))?, small(part(2))?, nanos).ok()?)
        }
        _ => return None,
    };
    Some(DateTime { date, time, offset })
}

// `datetime.timezone(datetime.timedelta(days, seconds, microseconds))`, a call inside a call.
fn offset_of<'de>(graph: &Graph<'de>, zone: Item<'de>) -> Option<i32> {
    let zone = class_of(graph, zone, "datetime.timezone")?;
    let [delta, ..] = graph.tuple(zone.args)? else { return None };
    let delta = class_of(graph, *delta, "datetime.timedelta")?;
    let [Item::Int(days), Item::Int(seconds), ..] = graph.tuple(delta.args)? else { return None };
    i32::try_from(days.checked_mul(86_400)?.checked_add(*seconds)?).ok()
}

fn class_of<'g, 'de>(graph: &'g Graph<'de>, item: Item<'de>, class: &str) -> Option<&'g Object<'de>> {
    let object = graph.object(item)?;
    let global = graph.globals.get(object.class as usize)?;
    (graph.text_of(global.name) == class).then_some(object)
}

/// What an object is once BUILD gave it a state, if that has a form here.
pub(super) fn built<'de>(graph: &mut Graph<'de>, known: Known, state: Item<'de>) -> Option<Item<'de>> {
    let remote = match known {
        Known::PyroUri => RemoteRef::uri(pyro3_uri(graph, state)?),
        Known::PyroProxy => {
            let uri = graph.resolve(graph.get(state, "URI")?);
            let uri = match uri {
                Item::Rare(n) => match graph.rares.get(n as usize)? {
                    Rare::Remote(remote) => remote.uri.clone(),
                    _ => return None,
                },
                text => graph.str_of(text)?.to_owned(),
            };
            RemoteRef::proxy(uri)
        }
        Known::Pyro4Uri => {
            let [protocol, object, socket, host, port] = match *graph.tuple(state)? {
                // With the name of a pipe, which no release ever opened (4.2 to 4.4).
                [protocol, object, _, socket, host, port] => [protocol, object, socket, host, port],
                [protocol, object, socket, host, port] => [protocol, object, socket, host, port],
                _ => return None,
            };
            let text = |item| graph.str_of(item).map(str::to_owned);
            let object = match text(object) {
                Some(object) => object,
                // PYROMETA holds a set of tags.
                None => {
                    let Item::Node(n) = object else { return None };
                    let tags: Option<Vec<&str>> = graph.each(n).map(|tag| graph.str_of(tag)).collect();
                    tags?.join(",")
                }
            };
            let host = text(host).map_or(springline_core::Value::Null, Into::into);
            let port = match port {
                Item::Int(port) => port.into(),
                _ => springline_core::Value::Null,
            };
            let socket = text(socket).map_or(springline_core::Value::Null, Into::into);
            let uri = PyroUri::from_state(&text(protocol)?.into(), &object.into(), &socket, &host, &port)?;
            RemoteRef::uri(uri.to_string())
        }
        Known::Pyro4Proxy => {
            let items = graph.tuple(state)?;
            let uri = pyro4_uri(graph, *items.first()?)?;
            let names = |i: usize| match items.get(i) {
                Some(Item::Node(n)) => graph.each(*n).filter_map(|v| graph.str_of(v).map(str::to_owned)).collect(),
                _ => Vec::new(),
            };
            let mut remote = RemoteRef::proxy(uri);
            remote.oneway = names(1);
            remote.methods = names(2);
            remote.attrs = names(3);
            remote
        }
        Known::Uuid => return uuid(graph, state),
        _ => return None,
    };
    Some(graph.rare(Rare::Remote(remote)))
}

// Pyro 3.16: `{'protocol': .., 'address': .., 'port': .., 'objectID': ..}`.
fn pyro3_uri<'de>(graph: &Graph<'de>, state: Item<'de>) -> Option<String> {
    let text = |key: &str| graph.str_of(graph.get(state, key)?);
    let Item::Int(port) = graph.get(state, "port")? else { return None };
    Some(format!("{}://{}:{port}/{}", text("protocol")?, text("address")?, text("objectID")?))
}

fn uuid<'de>(graph: &mut Graph<'de>, state: Item<'de>) -> Option<Item<'de>> {
    let value = match graph.get(state, "int")? {
        Item::Int(v) => u128::try_from(v).ok()?,
        Item::Rare(n) => match graph.rares.get(n as usize)? {
            Rare::Big(v) => u128::try_from(v).ok()?,
            _ => return None,
        },
        _ => return None,
    };
    let hex = format!("{value:032x}");
    let mut parts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)].into_iter().filter_map(|(a, b)| hex.get(a..b));
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push('-');
        text.push_str(part);
    }
    Some(graph.text(&text))
}
