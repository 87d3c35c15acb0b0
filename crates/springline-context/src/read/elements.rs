//! Elements that stand for values.

use num_bigint::BigInt;
use springline_core::{ListKind, Value};

use super::Reader;
use super::tree::Element;
use crate::diagnostics::did_you_mean;
use crate::model::{Node, What};

/// Which of the original's formats a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Objects,
    Components,
}

/// Elements that may also stand at the top, with an id.
pub(super) const VALUES: [&str; 16] = [
    "str",
    "unicode",
    "int",
    "long",
    "float",
    "decimal",
    "bool",
    "boolean",
    "complex",
    "none",
    "list",
    "tuple",
    "set",
    "frozenset",
    "dict",
    "props",
];

/// The attributes of an object.
pub(super) fn id_attributes() -> [&'static str; 7] {
    ["id", "class", "scope", "lazy-init", "parent", "abstract", "count"]
}

impl Reader<'_> {
    /// The value that an element stands for. `within` is the object that it is in.
    pub(super) fn node(&mut self, element: &Element, dialect: Dialect, within: &str) -> Option<Node> {
        match element.name.as_str() {
            "ref" => {
                self.known_attributes(element, &["object", "bean", "local"]);
                let id = ["object", "local", "bean"].into_iter().find_map(|name| element.attribute(name));
                match id {
                    Some(id) => self.reference(&id.value, id.value_at),
                    None => {
                        self.wrong(element.at, "<ref> needs the id of an object: object=\"..\"");
                        None
                    }
                }
            }
            "object" | "component" => {
                let definition = self.definition(element, dialect, Some(within))?;
                Some(Node { at: self.at(element.at), what: What::Object(Box::new(definition)) })
            }
            "value" => {
                self.known_attributes(element, &["type"]);
                self.no_elements(element);
                Some(self.text_node(&element.text, element.text_at))
            }
            "list" => self.items(element, ListKind::List, dialect, within),
            "tuple" => self.items(element, ListKind::Tuple, dialect, within),
            "set" => self.items(element, ListKind::Set, dialect, within),
            "frozenset" => self.items(element, ListKind::FrozenSet, dialect, within),
            "dict" => self.dict(element, dialect, within),
            "props" => self.props(element),
            name if VALUES.contains(&name) => self.scalar(element),
            name => {
                let known = ["value", "ref", "object"].into_iter().chain(VALUES);
                let near = did_you_mean(name, known);
                self.wrong(element.at, format!("expected a value such as <value> or <ref>, found <{name}>{near}"));
                None
            }
        }
    }

    fn no_elements(&mut self, element: &Element) {
        if let Some(child) = element.children.first() {
            let text = format!("<{}> has text only, found <{}> in it", element.name, child.name);
            self.wrong(child.at, text);
        }
    }

    fn scalar(&mut self, element: &Element) -> Option<Node> {
        self.known_attributes(element, &["id"]);
        self.no_elements(element);
        let text = self.expand(&element.text, element.text_at);
        let bare = text.trim();
        let value = match element.name.as_str() {
            "str" | "unicode" => Ok(Value::Str(text.clone())),
            "int" | "long" => {
                let digits = bare.strip_suffix(['l', 'L']).unwrap_or(bare);
                match (digits.parse::<i64>(), digits.parse::<BigInt>()) {
                    (Ok(number), _) => Ok(number.into()),
                    (_, Ok(number)) => Ok(Value::Big(Box::new(number))),
                    _ => Err("an integer"),
                }
            }
            "float" => bare.parse().map(Value::F64).map_err(|_| "a number"),
            "decimal" => is_decimal(bare).then(|| Value::Decimal(bare.to_owned())).ok_or("a decimal number"),
            "complex" => complex(bare).ok_or("a complex number as 3+4j"),
            "none" => {
                if bare.is_empty() {
                    Ok(Value::Null)
                } else {
                    Err("nothing")
                }
            }
            _ => match bare.to_ascii_lowercase().as_str() {
                "true" | "yes" | "1" => Ok(true.into()),
                "false" | "no" | "0" => Ok(false.into()),
                _ => Err("true or false"),
            },
        };
        match value {
            Ok(value) => Some(self.value_node(value, element.text_at)),
            Err(expected) => {
                self.wrong(element.text_at, format!("<{}>: expected {expected}, found '{bare}'", element.name));
                None
            }
        }
    }

    fn items(&mut self, element: &Element, kind: ListKind, dialect: Dialect, within: &str) -> Option<Node> {
        self.known_attributes(element, &["id"]);
        self.no_text(element);
        let items = element.children.iter().filter_map(|child| self.node(child, dialect, within)).collect();
        Some(Node { at: self.at(element.at), what: What::List(kind, items) })
    }

    fn dict(&mut self, element: &Element, dialect: Dialect, within: &str) -> Option<Node> {
        self.known_attributes(element, &["id"]);
        self.no_text(element);
        let mut pairs = Vec::new();
        for entry in &element.children {
            if entry.name != "entry" {
                self.wrong(entry.at, format!("<dict> has <entry> elements, found <{}>", entry.name));
                continue;
            }
            self.known_attributes(entry, &["key", "value", "key-ref", "value-ref"]);
            self.no_text(entry);
            let (mut keys, mut values) = (Vec::new(), Vec::new());
            for attribute in &entry.attributes {
                let (text, at) = (attribute.value.as_str(), attribute.value_at);
                match attribute.name.as_str() {
                    "key" => keys.push(self.text_node(text, at)),
                    "value" => values.push(self.text_node(text, at)),
                    "key-ref" => keys.extend(self.reference(text, at)),
                    "value-ref" => values.extend(self.reference(text, at)),
                    _ => {}
                }
            }
            for child in &entry.children {
                if child.name != "key" {
                    values.extend(self.node(child, dialect, within));
                    continue;
                }
                for inner in &child.children {
                    keys.extend(self.node(inner, dialect, within));
                }
                if child.children.is_empty() {
                    keys.push(self.text_node(&child.text, child.text_at));
                }
            }
            match (keys.len(), values.len(), keys.pop(), values.pop()) {
                (1, 1, Some(key), Some(value)) => pairs.push((key, value)),
                _ => self.wrong(entry.at, "<entry> has one <key> and one value"),
            }
        }
        Some(Node { at: self.at(element.at), what: What::Dict(pairs) })
    }

    fn props(&mut self, element: &Element) -> Option<Node> {
        self.known_attributes(element, &["id"]);
        self.no_text(element);
        let mut pairs = Vec::new();
        for prop in &element.children {
            if prop.name != "prop" {
                self.wrong(prop.at, format!("<props> has <prop> elements, found <{}>", prop.name));
                continue;
            }
            self.known_attributes(prop, &["key"]);
            self.no_elements(prop);
            let Some(key) = prop.attribute("key") else {
                self.wrong(prop.at, "<prop> needs a key");
                continue;
            };
            let key_node = self.text_node(&key.value, key.value_at);
            pairs.push((key_node, self.text_node(&prop.text, prop.text_at)));
        }
        Some(Node { at: self.at(element.at), what: What::Dict(pairs) })
    }
}

pub(super) fn is_decimal(text: &str) -> bool {
    let bare = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (digits, exponent) = bare.split_once(['e', 'E']).unwrap_or((bare, "0"));
    digits.chars().any(|c| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
        && digits.matches('.').count() <= 1
        && exponent.parse::<i32>().is_ok()
}

// `3+4j`, `4j`, `3`, in parentheses or not.
fn complex(text: &str) -> Option<Value> {
    let text = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')).unwrap_or(text);
    let Some(body) = text.strip_suffix(['j', 'J']) else {
        return text.parse().ok().map(|real| Value::Complex(real, 0.0));
    };
    let split = body.char_indices().skip(1).filter(|(at, c)| {
        matches!(c, '+' | '-') && !body.get(..*at).is_some_and(|before| before.ends_with(['e', 'E']))
    });
    match split.last() {
        Some((at, _)) => {
            let (real, imaginary) = body.split_at_checked(at)?;
            Some(Value::Complex(real.parse().ok()?, imaginary.parse().ok()?))
        }
        None => body.parse().ok().map(|imaginary| Value::Complex(0.0, imaginary)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (text, real, imaginary) in
            [("3+4j", 3.0, 4.0), ("(1e-3-2J)", 0.001, -2.0), ("5j", 0.0, 5.0), ("2", 2.0, 0.0)]
        {
            assert_eq!(complex(text), Some(Value::Complex(real, imaginary)), "{text}");
        }
        assert_eq!(complex("x"), None);
        assert!(["1", "-1.50", "1e5", ".5"].iter().all(|t| is_decimal(t)));
        assert!(["", ".", "1.2.3", "nan", "1e"].iter().all(|t| !is_decimal(t)));
    }
}
