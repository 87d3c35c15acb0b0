//! From a value to JSON.

use std::collections::HashSet;
use std::fmt::Write;

use springline::Value;

use super::{REF, TAGS};
use crate::base64;

/// Containers inside one another before shared ones are no longer written out. Messages have their own limit, which is lower.
const DEPTH: usize = 400;
/// Values that are written because something shared is written out again.
const AGAIN: usize = 1_000_000;

/// The value as JSON: on one line, or indented by two blanks.
pub(crate) fn write(value: &Value, compact: bool) -> String {
    let mut containers = Vec::new();
    list_containers(value, &mut containers);
    let mut writer =
        Writer { out: String::new(), compact, containers, next: 0, open: Vec::new(), depth: 0, expanding: 0, again: 0 };
    writer.value(value);
    writer.out
}

// A JSON string.
fn push_text(out: &mut String, s: &str) {
    out.push('"');
    for c in s.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Control characters beyond ASCII too: some terminals obey them.
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

// All containers in the order in which they begin, which is how references count them.
fn list_containers<'v>(value: &'v Value, list: &mut Vec<&'v Value>) {
    match value {
        Value::List(_) | Value::Tuple(_) | Value::Set(_) | Value::FrozenSet(_) | Value::Map(_) | Value::Object(_) => {
            list.push(value);
        }
        Value::Typed(typed) => {
            list.push(value);
            return inside(&typed.value, list);
        }
        _ => return,
    }
    inside(value, list);
}

fn inside<'v>(value: &'v Value, list: &mut Vec<&'v Value>) {
    match value {
        Value::Map(pairs) => pairs.iter().for_each(|(k, v)| {
            list_containers(k, list);
            list_containers(v, list);
        }),
        Value::Object(object) => object.fields.iter().for_each(|(_, v)| list_containers(v, list)),
        other => other.as_items().unwrap_or_default().iter().for_each(|v| list_containers(v, list)),
    }
}

struct Writer<'v> {
    out: String,
    compact: bool,
    containers: Vec<&'v Value>,
    /// The number of the container that begins next.
    next: u32,
    /// The numbers of those that are open.
    open: Vec<u32>,
    depth: usize,
    /// Above 0 while something is written again.
    expanding: usize,
    again: usize,
}

impl<'v> Writer<'v> {
    fn value(&mut self, value: &'v Value) {
        if self.expanding > 0 {
            self.again += 1;
        }
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Bool(v) => self.out.push_str(if *v { "true" } else { "false" }),
            Value::I32(v) => self.push(v),
            Value::I64(v) => self.push(v),
            Value::Big(v) => self.push(v),
            Value::F64(v) => self.float(*v),
            Value::Decimal(v) | Value::Str(v) => push_text(&mut self.out, v),
            Value::Complex(re, im) => self.tag("$complex", |w| {
                w.list('[', ']', [*re, *im].iter(), |w, v| w.float(*v));
            }),
            Value::Bytes(v) => self.tag("$bytes", |w| push_text(&mut w.out, &base64::encode(v))),
            Value::DateTime(v) => {
                let iso = v.to_string();
                push_text(&mut self.out, &iso);
            }
            Value::Remote(v) => push_text(&mut self.out, &v.uri),
            Value::Back(n) => self.back(*n),
            Value::List(_) | Value::Tuple(_) | Value::Set(_) | Value::FrozenSet(_) | Value::Map(_) => self.begun(value),
            Value::Object(_) | Value::Typed(_) => self.begun(value),
            other => push_text(&mut self.out, &format!("{other:?}")),
        }
    }

    fn begun(&mut self, value: &'v Value) {
        let number = self.next;
        self.next += 1;
        self.container(value, number);
    }

    fn container(&mut self, value: &'v Value, number: u32) {
        self.open.push(number);
        match value {
            // The type's name has no place in JSON.
            Value::Typed(typed) => self.content(&typed.value),
            other => self.content(other),
        }
        self.open.pop();
    }

    fn content(&mut self, value: &'v Value) {
        match value {
            Value::Map(pairs) => self.map(pairs),
            Value::Object(object) => {
                let class = Value::Str(object.class.clone());
                let fields = std::iter::once(None).chain(object.fields.iter().map(Some));
                self.list('{', '}', fields, |w, field| match field {
                    None => {
                        w.key("__class__");
                        push_text(&mut w.out, class.as_str().unwrap_or_default());
                    }
                    Some((name, v)) => {
                        w.key(name);
                        w.value(v);
                    }
                });
            }
            other => self.list('[', ']', other.as_items().unwrap_or_default().iter(), Self::value),
        }
    }

    fn map(&mut self, pairs: &'v [(Value, Value)]) {
        let names: Option<Vec<String>> = pairs.iter().map(|(k, _)| key_text(k)).collect();
        let plain = names.filter(|names| {
            let distinct: HashSet<&String> = names.iter().collect();
            let tag = matches!(names.as_slice(), [one] if TAGS.contains(&one.as_str()) || one == REF);
            distinct.len() == names.len() && !tag
        });
        match plain {
            Some(names) => self.list('{', '}', names.iter().zip(pairs), |w, (name, (_, v))| {
                w.key(name);
                w.value(v);
            }),
            None => self.tag("$map", |w| {
                w.list('[', ']', pairs.iter(), |w, (k, v)| w.list('[', ']', [k, v].into_iter(), Self::value));
            }),
        }
    }

    // Something shared is written out again, unless that would not end.
    fn back(&mut self, number: u32) {
        let endless = self.open.contains(&number) || self.open.len() >= DEPTH || self.again >= AGAIN;
        match self.containers.get(number as usize).copied().filter(|_| !endless) {
            None => self.tag(REF, |w| w.push(&number)),
            Some(target) => {
                let next = std::mem::replace(&mut self.next, number + 1);
                self.expanding += 1;
                self.container(target, number);
                self.expanding -= 1;
                self.next = next;
            }
        }
    }

    fn float(&mut self, v: f64) {
        match v {
            v if v.is_nan() => self.out.push_str("\"NaN\""),
            f64::INFINITY => self.out.push_str("\"Infinity\""),
            f64::NEG_INFINITY => self.out.push_str("\"-Infinity\""),
            v => {
                let _ = write!(self.out, "{v:?}");
            }
        }
    }

    fn push(&mut self, v: &dyn std::fmt::Display) {
        let _ = write!(self.out, "{v}");
    }

    fn key(&mut self, name: &str) {
        push_text(&mut self.out, name);
        self.out.push_str(if self.compact { ":" } else { ": " });
    }

    fn tag(&mut self, name: &'static str, content: impl FnOnce(&mut Self)) {
        self.out.push('{');
        self.key(name);
        content(self);
        self.out.push('}');
    }

    fn list<T>(&mut self, begin: char, end: char, items: impl Iterator<Item = T>, mut item: impl FnMut(&mut Self, T)) {
        self.out.push(begin);
        self.depth += 1;
        let mut empty = true;
        for one in items {
            if !empty {
                self.out.push(',');
            }
            empty = false;
            self.new_line();
            item(self, one);
        }
        self.depth -= 1;
        if !empty {
            self.new_line();
        }
        self.out.push(end);
    }

    fn new_line(&mut self) {
        if !self.compact {
            self.out.push('\n');
            (0..self.depth).for_each(|_| self.out.push_str("  "));
        }
    }
}

// What may be a key of a JSON object, as Python's json writes it.
fn key_text(key: &Value) -> Option<String> {
    Some(match key {
        Value::Str(v) | Value::Decimal(v) => v.clone(),
        Value::Null => "null".to_owned(),
        Value::Bool(v) => v.to_string(),
        Value::I32(v) => v.to_string(),
        Value::I64(v) => v.to_string(),
        Value::Big(v) => v.to_string(),
        Value::F64(v) => format!("{v:?}"),
        Value::DateTime(v) => v.to_string(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use springline::value::Typed;
    use springline::{Bytes, DateTime, RemoteRef};

    use super::*;

    fn list(items: impl Into<Vec<Value>>) -> Value {
        Value::List(items.into())
    }

    fn check(value: Value, json: &str) {
        let compact = write(&value, true);
        assert_eq!(compact, json);
        let parsed: serde_json::Value = serde_json::from_str(&compact).unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(&write(&value, false)).unwrap(), parsed, "{json}");
    }

    #[test]
    fn every_kind_of_value() {
        check(Value::Null, "null");
        check(true.into(), "true");
        check(Value::I32(-5), "-5");
        check(i64::MIN.into(), "-9223372036854775808");
        check(Value::F64(1.0), "1.0");
        check(Value::F64(-0.0), "-0.0");
        check(Value::F64(1e300), "1e300");
        check(Value::F64(f64::NAN), "\"NaN\"");
        check(Value::F64(f64::NEG_INFINITY), "\"-Infinity\"");
        check(Value::Decimal("1.50".into()), "\"1.50\"");
        check(Value::Complex(1.0, f64::INFINITY), r#"{"$complex":[1.0,"Infinity"]}"#);
        check("é \"\\\n\u{1}\u{9b}".into(), "\"é \\\"\\\\\\n\\u0001\\u009b\"");
        check(Value::from(Bytes::from_static(b"\0\x01")), r#"{"$bytes":"AAE="}"#);
        check(Value::DateTime(DateTime::parse("2020-01-02T03:04:05").unwrap()), "\"2020-01-02T03:04:05\"");
        check(Value::Remote(Box::new(RemoteRef::proxy("PYRO:x@y:1"))), "\"PYRO:x@y:1\"");
        for items in [Value::List, Value::Tuple, Value::Set, Value::FrozenSet] {
            check(items(vec![1i64.into(), list([])]), "[1,[]]");
        }
        check(Value::Typed(Box::new(Typed { type_name: "[int".into(), value: list([1i64.into()]) })), "[1]");
        check(Value::object("a.B", vec![("x".into(), 1i64.into())]), r#"{"__class__":"a.B","x":1}"#);
    }

    #[test]
    fn maps_with_any_keys() {
        let map = |pairs: Vec<(Value, Value)>| Value::Map(pairs);
        check(map(vec![]), "{}");
        check(map(vec![("a".into(), Value::Null), (1i64.into(), true.into())]), r#"{"a":null,"1":true}"#);
        check(map(vec![(Value::Null, 1i64.into()), (false.into(), 2i64.into())]), r#"{"null":1,"false":2}"#);
        check(map(vec![(Value::Tuple(vec![]), 1i64.into())]), r#"{"$map":[[[],1]]}"#);
        check(map(vec![("1".into(), 1i64.into()), (1i64.into(), 2i64.into())]), r#"{"$map":[["1",1],[1,2]]}"#);
        // A map that looks like one of our own names.
        check(map(vec![("$bytes".into(), "x".into())]), r#"{"$map":[["$bytes","x"]]}"#);
    }

    #[test]
    fn shared_is_written_again_and_cycles_are_named() {
        check(list([list([1i64.into()]), Value::Back(1)]), "[[1],[1]]");
        check(list([Value::Back(0)]), r#"[{"$ref":0}]"#);
        check(list([list([Value::Back(0)]), Value::Back(1)]), r#"[[{"$ref":0}],[{"$ref":0}]]"#);
        check(list([Value::Back(7)]), r#"[{"$ref":7}]"#);
        // After something was written again, counting goes on where it was.
        check(list([list([]), Value::Back(1), list([2i64.into()]), Value::Back(2)]), "[[],[],[2],[2]]");
        // Inside of it, too: container 2 is the inner one of container 1.
        check(list([list([list([]), Value::Back(2)]), Value::Back(1)]), "[[[],[]],[[],[]]]");
    }

    #[test]
    fn what_unfolds_without_end_is_cut() {
        // Each list holds the one before twice.
        let doubling: Vec<Value> = (0..60u32)
            .map(|i| match i {
                0 => list([]),
                i => list([Value::Back(i), Value::Back(i)]),
            })
            .collect();
        let json = write(&list(doubling), true);
        assert!(json.len() < 100_000_000 && json.contains("$ref"), "{} bytes", json.len());
        // Each holds the one before: deep, but the stack bears it.
        let chain: Vec<Value> =
            (0..100_000u32).map(|i| if i == 0 { list([]) } else { list([Value::Back(i)]) }).collect();
        assert!(write(&list(chain), true).contains("$ref"));
    }

    #[test]
    fn indented_by_default() {
        let value = list([1i64.into(), list([]), Value::Map(vec![("a".into(), list([2i64.into()]))])]);
        assert_eq!(write(&value, false), "[\n  1,\n  [],\n  {\n    \"a\": [\n      2\n    ]\n  }\n]");
    }
}
