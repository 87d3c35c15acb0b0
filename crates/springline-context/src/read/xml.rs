//! Spring Python's XML: `<objects>` of its 1.0 and 1.1 dialects, and the older `<components>`.

use springline_core::Value;

use super::elements::{Dialect, id_attributes};
use super::tree::{self, Element};
use super::{Reader, literal};
use crate::diagnostics::did_you_mean;
use crate::model::{Argument, Definition, Node, Text, What};

/// The definitions of a file.
pub(crate) fn read_xml(mut reader: Reader<'_>) -> Vec<Definition> {
    let Some(root) = tree::parse(&mut reader) else { return Vec::new() };
    let dialect = match root.name.as_str() {
        "objects" => Dialect::Objects,
        "components" => Dialect::Components,
        other => {
            reader.wrong(root.at, format!("expected <objects> or <components>, found <{other}>"));
            return Vec::new();
        }
    };
    reader.no_text(&root);
    for element in &root.children {
        let name = element.name.as_str();
        let object = if dialect == Dialect::Objects { "object" } else { "component" };
        if name == object {
            let definition = reader.definition(element, dialect, None);
            reader.definitions.extend(definition);
        } else if name == "description" {
        } else if dialect == Dialect::Objects && super::elements::VALUES.contains(&name) {
            reader.named_value(element);
        } else {
            let near = did_you_mean(name, [object].into_iter().chain(super::elements::VALUES));
            reader.wrong(element.at, format!("expected <{object}>, found <{name}>{near}"));
        }
    }
    reader.definitions
}

impl Reader<'_> {
    pub(super) fn no_text(&mut self, element: &Element) {
        if element.has_text {
            let name = &element.name;
            self.wrong(element.text_at, format!("<{name}> has elements only, no text"));
        }
    }

    pub(super) fn known_attributes(&mut self, element: &Element, known: &[&str]) {
        for attribute in &element.attributes {
            if !known.contains(&attribute.name.as_str()) {
                let near = did_you_mean(&attribute.name, known.iter().copied());
                let text = format!("<{}> has no attribute '{}'{near}", element.name, attribute.name);
                self.wrong(attribute.at, text);
            }
        }
    }

    /// A value that has a name of its own: `<str id="greeting">Hello</str>`.
    fn named_value(&mut self, element: &Element) {
        let Some(id) = element.attribute("id") else {
            return self.wrong(element.at, format!("<{}> at the top needs an id", element.name));
        };
        let id = self.text(&id.value, id.value_at);
        let Some(value) = self.node(element, Dialect::Objects, &id.text) else { return };
        let mut definition = Definition::new(id, self.at(element.at));
        definition.value = Some(value);
        self.definitions.push(definition);
    }

    /// An object; one within another is called after that.
    pub(super) fn definition(
        &mut self,
        element: &Element,
        dialect: Dialect,
        within: Option<&str>,
    ) -> Option<Definition> {
        self.known_attributes(element, &id_attributes());
        self.no_text(element);
        let given = element.attribute("id").filter(|id| !id.value.is_empty());
        let id = match (given, within) {
            (Some(id), None) => self.text(&id.value, id.value_at),
            (Some(id), Some(around)) => self.text(&format!("{around}.{}", id.value), id.value_at),
            (None, Some(around)) => self.text(&format!("{around}.<anonymous>"), element.at),
            (None, None) => {
                self.wrong(element.at, format!("<{}> needs an id", element.name));
                return None;
            }
        };
        let mut definition = Definition::new(id, self.at(element.at));
        for attribute in &element.attributes {
            let (value, at) = (attribute.value.as_str(), attribute.value_at);
            match attribute.name.as_str() {
                "class" => definition.class = Some(self.text(value.trim(), at)),
                "parent" => definition.parent = Some(self.text(value.trim(), at)),
                "abstract" => definition.is_abstract = self.truth("abstract", value, at),
                "lazy-init" => definition.lazy = Some(self.truth("lazy-init", value, at)),
                "scope" => definition.scope = self.scope(value, at),
                "count" => {
                    let text = self.expand(value, at);
                    definition.count = self.count(text.trim().parse().ok(), &text, at);
                }
                _ => {}
            }
        }
        let id = definition.id.text.clone();
        for child in &element.children {
            match child.name.as_str() {
                "property" => {
                    self.known_attributes(child, &["name", "value", "ref", "local", "class"]);
                    let Some(name) = child.attribute("name") else {
                        self.wrong(child.at, "<property> needs a name");
                        continue;
                    };
                    let name = self.text(name.value.trim(), name.value_at);
                    if let Some(node) = self.one_value(child, dialect, &id) {
                        definition.properties.push((name, node));
                    }
                }
                "constructor-arg" => {
                    self.known_attributes(child, &["name", "value", "ref", "local", "type", "index"]);
                    let name = child.attribute("name").map(|name| self.text(name.value.trim(), name.value_at));
                    if let Some(value) = self.one_value(child, dialect, &id) {
                        definition.args.push(Argument { name, value });
                    }
                }
                "description" => {}
                other => {
                    let near = did_you_mean(other, ["property", "constructor-arg"]);
                    self.wrong(child.at, format!("expected <property> or <constructor-arg>, found <{other}>{near}"));
                }
            }
        }
        Some(definition)
    }

    // What a property or argument says: an attribute, or one element, or in the old dialect a literal.
    fn one_value(&mut self, element: &Element, dialect: Dialect, id: &str) -> Option<Node> {
        let mut found = Vec::new();
        for attribute in &element.attributes {
            let (value, at) = (attribute.value.as_str(), attribute.value_at);
            match attribute.name.as_str() {
                "value" => found.push(Some(self.text_node(value, at))),
                "ref" | "local" => found.push(self.reference(value, at)),
                _ => {}
            }
        }
        for child in &element.children {
            found.push(self.node(child, dialect, id));
        }
        if element.has_text {
            if dialect == Dialect::Components && element.children.is_empty() {
                found.push(self.literal(element));
            } else {
                let text = format!("<{}> has its text in value=\"..\" or in <value>", element.name);
                self.wrong(element.text_at, text);
                found.push(None);
            }
        }
        let several = found.len() > 1;
        let Some(first) = found.into_iter().next() else {
            self.wrong(element.at, format!("<{}> needs a value: value=\"..\", ref=\"..\" or an element", element.name));
            return None;
        };
        if several {
            self.wrong(element.at, format!("<{}> has more than one value", element.name));
            return None;
        }
        first
    }

    fn literal(&mut self, element: &Element) -> Option<Node> {
        let text = self.expand(element.text.trim(), element.text_at);
        match literal::parse(&text) {
            Ok(value) => Some(Node { at: self.at(element.text_at), what: What::Value(value) }),
            Err(why) => {
                self.wrong(element.text_at, why);
                None
            }
        }
    }

    pub(super) fn text_node(&mut self, text: &str, at: usize) -> Node {
        let text = self.expand(text, at);
        Node { at: self.at(at), what: What::Text(text) }
    }

    pub(super) fn value_node(&self, value: Value, at: usize) -> Node {
        Node { at: self.at(at), what: What::Value(value) }
    }

    pub(super) fn reference(&mut self, id: &str, at: usize) -> Option<Node> {
        let Text { text, at } = self.text(id.trim(), at);
        if text.is_empty() {
            self.diagnostics.add(&at, "expected the id of an object, found nothing");
            return None;
        }
        Some(Node { at, what: What::Ref(text) })
    }
}
