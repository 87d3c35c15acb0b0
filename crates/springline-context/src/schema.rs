//! A JSON schema of the TOML files, for editors.

use serde_json::{Map, Value, json};
use springline_core::component::{Class, Type};

use crate::classes::Classes;

/// The schema of TOML files that have these classes, as editors with TOML support (taplo, Even Better TOML) take it.
///
/// A class that is not among them may have any property.
#[must_use]
pub fn json_schema(classes: &Classes) -> String {
    let all = classes.all();
    let mut names: Vec<&str> = all.iter().flat_map(|class| class.names()).collect();
    names.sort_unstable();
    let rules: Vec<Value> = all.iter().map(|class| rule(class)).collect();
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "https://github.com/springline/springline/schema/springline-context.schema.json",
        "title": "Springline application context",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "$schema": {"type": "string"},
            "objects": {
                "description": "Objects, exporters and proxies by their ids.",
                "type": "object",
                "additionalProperties": {"$ref": "#/definitions/object"},
            },
            "values": {
                "description": "Values by their ids.",
                "type": "object",
                "additionalProperties": {"$ref": "#/definitions/any"},
            },
        },
        "definitions": {
            "object": {
                "type": "object",
                "properties": {
                    "class": {
                        "description": "What to make.",
                        "anyOf": [{"enum": names}, {"type": "string"}],
                    },
                    "parent": {"description": "The object whose class and properties this one has, too.", "type": "string"},
                    "abstract": {"description": "Whether it is only there to be a parent.", "type": "boolean"},
                    "lazy_init": {"description": "Whether it is made when it is first asked for.", "type": "boolean"},
                    "scope": {"description": "One for all, or one for each who refers to it.", "enum": ["singleton", "prototype"]},
                    "count": {
                        "description": "How many there are, numbered from 0.",
                        "anyOf": [{"type": "integer", "minimum": 1, "maximum": 10000}, {"type": "string"}],
                    },
                    "args": {"description": "Arguments of the constructor, by their places.", "type": "array", "items": {"$ref": "#/definitions/any"}},
                    "properties": {
                        "description": "Properties whose names are also words of this format.",
                        "type": "object",
                        "additionalProperties": {"$ref": "#/definitions/any"},
                    },
                },
                "allOf": rules,
            },
            "reference": {
                "description": "Another object.",
                "type": "object",
                "required": ["ref"],
                "properties": {"ref": {"type": "string"}},
                "additionalProperties": false,
            },
            "service": {
                "anyOf": [{"$ref": "#/definitions/reference"}, {"allOf": [{"$ref": "#/definitions/object"}, {"anyOf": [{"required": ["class"]}, {"required": ["parent"]}]}]}],
            },
            "any": true,
        },
    });
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

// What holds for an object of a class: the properties that it may and must have.
fn rule(class: &Class) -> Value {
    let names: Vec<&str> = class.names().collect();
    let mut properties = Map::new();
    for property in class.properties() {
        let mut schema = of_type(&property.kind);
        if let (Value::Object(schema), false) = (&mut schema, property.doc.is_empty()) {
            schema.insert("description".to_owned(), json!(property.doc));
        }
        properties.insert(property.name.to_string(), schema);
    }
    let words = crate::read::RESERVED.iter().map(|word| (*word).to_owned());
    let mut known: Vec<String> = words.chain(properties.keys().cloned()).collect();
    known.push("lazy-init".to_owned());
    let mut then = Map::new();
    if !class.documentation().is_empty() {
        then.insert("description".to_owned(), json!(class.documentation()));
    }
    then.insert("properties".to_owned(), Value::Object(properties));
    then.insert("propertyNames".to_owned(), json!({"enum": known}));
    let required: Vec<&str> = class.properties().iter().filter(|p| p.required).map(|p| &*p.name).collect();
    if !required.is_empty() {
        // By its place, by its parent or in `properties` it counts as well.
        let elsewhere = |word: &str| json!({"required": [word]});
        then.insert(
            "anyOf".to_owned(),
            json!([{"required": required}, elsewhere("args"), elsewhere("parent"), elsewhere("abstract"), elsewhere("properties")]),
        );
    }
    json!({
        "if": {"properties": {"class": {"enum": names}}, "required": ["class"]},
        "then": then,
    })
}

// Text stands for every type: it may come from the environment.
fn of_type(kind: &Type) -> Value {
    let or_text = |schema: Value| json!({"anyOf": [schema, {"type": "string"}, {"$ref": "#/definitions/reference"}]});
    match kind {
        Type::Integer(least, most) => or_text(json!({"type": "integer", "minimum": least, "maximum": most})),
        Type::Number => or_text(json!({"type": "number"})),
        Type::Seconds => or_text(json!({"type": "number", "minimum": 0})),
        Type::Boolean => or_text(json!({"type": "boolean"})),
        Type::Choice(names) => {
            let names: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
            or_text(json!({"enum": names}))
        }
        Type::List(of) => json!({"anyOf": [
            {"type": "array", "items": of_type(of)},
            {"type": "object"},
        ]}),
        Type::Dict(of) => json!({"type": "object", "additionalProperties": of_type(of)}),
        Type::Service => json!({"$ref": "#/definitions/service"}),
        Type::Any => json!({}),
        _ => json!({"anyOf": [{"type": "string"}, {"$ref": "#/definitions/reference"}]}),
    }
}
