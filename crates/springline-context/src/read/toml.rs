//! The same definitions from TOML.
//!
//! ```toml
//! [objects.service_exporter]
//! class = "pyro.ServiceExporter"
//! service_name = "ServiceName"
//! service = { ref = "remoteService" }
//! ```

use num_bigint::BigInt;
use springline_core::{ListKind, Value};
use toml::Spanned;
use toml::de::{DeInteger, DeString, DeTable, DeValue};

use super::Reader;
use super::elements::is_decimal;
use crate::diagnostics::did_you_mean;
use crate::model::{Argument, Definition, Node, What};

/// What a table of an object says besides its properties.
pub(crate) const RESERVED: [&str; 8] =
    ["class", "parent", "abstract", "lazy_init", "scope", "count", "args", "properties"];

/// The definitions of a file.
pub(crate) fn read_toml(mut reader: Reader<'_>) -> Vec<Definition> {
    let file = reader.file.clone();
    let (skipped, text) = match file.text.strip_prefix('\u{feff}') {
        Some(text) => (3, text),
        None => (0, file.text.as_str()),
    };
    let (root, errors) = DeTable::parse_recoverable(text);
    for e in &errors {
        let at = e.span().map_or(0, |span| span.start) + skipped;
        let message = e.message().replace('\n', " ");
        reader.wrong(at, format!("this is no well-formed TOML: {message}"));
    }
    let mut toml = Toml { reader, skipped };
    for (key, value) in in_order(root.get_ref()) {
        let at = toml.at(key);
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("objects", DeValue::Table(objects)) => toml.objects(objects),
            ("values", DeValue::Table(values)) => toml.values(values),
            // For editors: the schema that the file follows.
            ("$schema", DeValue::String(_)) => {}
            (name @ ("objects" | "values"), other) => {
                toml.reader.wrong(at, format!("'{name}' has to be a table, found {}", other.type_str()));
            }
            (name, _) => {
                let near = did_you_mean(name, ["objects", "values"]);
                toml.reader.wrong(at, format!("expected [objects.NAME] or [values], found '{name}'{near}"));
            }
        }
    }
    toml.reader.definitions
}

type Entry<'t, 'i> = (&'t Spanned<DeString<'i>>, &'t Spanned<DeValue<'i>>);

// A table is sorted by its keys; what starts first and stops last is what was written first.
fn in_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<Entry<'t, 'i>> {
    let mut entries: Vec<Entry<'t, 'i>> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

struct Toml<'a> {
    reader: Reader<'a>,
    skipped: usize,
}

impl Toml<'_> {
    fn at<T>(&self, spanned: &Spanned<T>) -> usize {
        spanned.span().start + self.skipped
    }

    fn values(&mut self, values: &DeTable<'_>) {
        for (key, value) in in_order(values) {
            let id = self.reader.text(key.get_ref(), self.at(key));
            let Some(node) = self.node(value, &id.text) else { continue };
            let mut definition = Definition::new(id.clone(), id.at);
            definition.value = Some(node);
            self.reader.definitions.push(definition);
        }
    }

    fn objects(&mut self, objects: &DeTable<'_>) {
        for (key, value) in in_order(objects) {
            let at = self.at(key);
            let name = key.get_ref().as_ref();
            match value.get_ref() {
                DeValue::Table(table) => {
                    let mut definition = Definition::new(self.reader.text(name, at), self.reader.at(at));
                    self.fill(&mut definition, table);
                    self.reader.definitions.push(definition);
                }
                other => {
                    let text = format!("the object '{name}' has to be a table, found {}", other.type_str());
                    self.reader.wrong(at, text);
                }
            }
        }
    }

    fn fill(&mut self, definition: &mut Definition, table: &DeTable<'_>) {
        let id = definition.id.text.clone();
        for (key, value) in in_order(table) {
            let at = self.at(value);
            let name = key.get_ref().as_ref();
            let text = value.get_ref().as_str();
            let mut wrong = |expected: &str| {
                let found = value.get_ref().type_str();
                self.reader.wrong(at, format!("{name}: expected {expected}, found {found}"));
            };
            match name {
                "class" | "parent" => match text {
                    Some(text) => {
                        let text = Some(self.reader.text(text, at + 1));
                        if name == "class" { definition.class = text } else { definition.parent = text }
                    }
                    None => wrong("text"),
                },
                "abstract" | "lazy_init" | "lazy-init" => match value.get_ref().as_bool() {
                    Some(truth) if name == "abstract" => definition.is_abstract = truth,
                    Some(truth) => definition.lazy = Some(truth),
                    None => wrong("true or false"),
                },
                "scope" => match text {
                    Some(text) => definition.scope = self.reader.scope(text, at + 1),
                    None => wrong("singleton or prototype"),
                },
                "count" => {
                    let shown = value.get_ref().as_integer().map_or_else(
                        || text.unwrap_or(value.get_ref().type_str()).to_owned(),
                        |number| number.to_string(),
                    );
                    let shown = self.reader.expand(&shown, at);
                    definition.count = self.reader.count(shown.parse().ok(), &shown, at);
                }
                "args" => match value.get_ref() {
                    DeValue::Array(items) => {
                        for item in items.iter() {
                            let value = self.node(item, &id);
                            definition.args.extend(value.map(|value| Argument { name: None, value }));
                        }
                    }
                    _ => wrong("an array"),
                },
                "properties" => match value.get_ref() {
                    DeValue::Table(properties) => {
                        for (key, value) in in_order(properties) {
                            self.property(definition, key, value);
                        }
                    }
                    _ => wrong("a table"),
                },
                _ => self.property(definition, key, value),
            }
        }
    }

    fn property(&mut self, definition: &mut Definition, key: &Spanned<DeString<'_>>, value: &Spanned<DeValue<'_>>) {
        let name = self.reader.text(key.get_ref(), self.at(key));
        let id = definition.id.text.clone();
        let node = self.node(value, &id);
        definition.properties.extend(node.map(|node| (name, node)));
    }

    fn node(&mut self, value: &Spanned<DeValue<'_>>, within: &str) -> Option<Node> {
        let at = self.at(value);
        let what = match value.get_ref() {
            DeValue::String(text) => return Some(self.reader.text_node(text, at)),
            DeValue::Integer(number) => What::Value(self.integer(number, at)?),
            DeValue::Float(number) => match number.as_str().parse() {
                Ok(number) => What::Value(Value::F64(number)),
                Err(_) => {
                    self.reader.wrong(at, format!("expected a number, found '{}'", number.as_str()));
                    return None;
                }
            },
            DeValue::Boolean(truth) => What::Value((*truth).into()),
            DeValue::Datetime(date) => What::Text(date.to_string()),
            DeValue::Array(items) => {
                What::List(ListKind::List, items.iter().filter_map(|item| self.node(item, within)).collect())
            }
            DeValue::Table(table) => return self.table(table, at, within),
        };
        Some(Node { at: self.reader.at(at), what })
    }

    fn integer(&mut self, number: &DeInteger<'_>, at: usize) -> Option<Value> {
        let digits = number.as_str();
        if let Ok(small) = i64::from_str_radix(digits, number.radix()) {
            return Some(small.into());
        }
        let big = BigInt::parse_bytes(digits.as_bytes(), number.radix());
        if big.is_none() {
            self.reader.wrong(at, format!("expected an integer, found '{digits}'"));
        }
        big.map(|big| Value::Big(Box::new(big)))
    }

    // A reference, an object of its own, a value of a kind that TOML has no word for, or else a dictionary.
    fn table(&mut self, table: &DeTable<'_>, at: usize, within: &str) -> Option<Node> {
        let one = |name: &str| table.iter().next().filter(|(key, _)| table.len() == 1 && key.get_ref() == name);
        if let Some((_, id)) = one("ref") {
            let id_at = self.at(id);
            let Some(text) = id.get_ref().as_str() else {
                self.reader
                    .wrong(id_at, format!("ref: expected the id of an object, found {}", id.get_ref().type_str()));
                return None;
            };
            return self.reader.reference(text, id_at + 1);
        }
        for (name, kind) in [("tuple", ListKind::Tuple), ("set", ListKind::Set), ("frozenset", ListKind::FrozenSet)] {
            if let Some((_, items)) = one(name) {
                let DeValue::Array(items) = items.get_ref() else { break };
                let items = items.iter().filter_map(|item| self.node(item, within)).collect();
                return Some(Node { at: self.reader.at(at), what: What::List(kind, items) });
            }
        }
        if let Some((_, digits)) = one("decimal") {
            let digits_at = self.at(digits);
            return match digits.get_ref().as_str().filter(|digits| is_decimal(digits)) {
                Some(digits) => Some(self.reader.value_node(Value::Decimal(digits.to_owned()), digits_at)),
                None => {
                    self.reader.wrong(digits_at, "decimal: expected text with a decimal number");
                    None
                }
            };
        }
        match one("dict").map(|(_, pairs)| pairs.get_ref()) {
            Some(DeValue::Table(table)) => return Some(self.dict(table, at, within)),
            Some(DeValue::Array(pairs)) => {
                let mut nodes = Vec::new();
                for pair in pairs.iter() {
                    let pair_at = self.at(pair);
                    let items: Vec<&Spanned<DeValue<'_>>> =
                        pair.get_ref().as_array().into_iter().flat_map(|a| a.iter()).collect();
                    let [key, value] = items.as_slice() else {
                        self.reader.wrong(pair_at, "dict: expected pairs [KEY, VALUE]");
                        continue;
                    };
                    if let (Some(key), Some(value)) = (self.node(key, within), self.node(value, within)) {
                        nodes.push((key, value));
                    }
                }
                return Some(Node { at: self.reader.at(at), what: What::Dict(nodes) });
            }
            _ => {}
        }
        if table.iter().any(|(key, _)| key.get_ref() == "class" || key.get_ref() == "parent") {
            let id = self.reader.text(&format!("{within}.<anonymous>"), at);
            let mut definition = Definition::new(id, self.reader.at(at));
            self.fill(&mut definition, table);
            return Some(Node { at: self.reader.at(at), what: What::Object(Box::new(definition)) });
        }
        Some(self.dict(table, at, within))
    }

    fn dict(&mut self, table: &DeTable<'_>, at: usize, within: &str) -> Node {
        let mut pairs = Vec::new();
        for (key, value) in in_order(table) {
            let key_node = self.reader.text_node(key.get_ref(), self.at(key));
            pairs.extend(self.node(value, within).map(|value| (key_node, value)));
        }
        Node { at: self.reader.at(at), what: What::Dict(pairs) }
    }
}
