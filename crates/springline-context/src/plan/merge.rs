//! Parents are merged into their children, and objects of which there are several become several.

use std::collections::HashMap;

use springline_core::Value;

use crate::diagnostics::Diagnostics;
use crate::model::{Argument, Definition, Node, What};

/// Objects that all definitions together may ask for.
const MOST: usize = 100_000;

/// Values in copies of objects.
const COPIED: usize = 1_000_000;

/// Definitions that stand for themselves.
pub(super) struct Merged {
    pub(super) definitions: Vec<Definition>,
    pub(super) groups: HashMap<String, Vec<String>>,
}

pub(super) fn merge(definitions: Vec<Definition>, diagnostics: &mut Diagnostics) -> Merged {
    let mut by_id: HashMap<String, usize> = HashMap::new();
    for (at, definition) in definitions.iter().enumerate() {
        let id = &definition.id;
        match by_id.get(&id.text).and_then(|first| definitions.get(*first)) {
            Some(first) => {
                let place = &first.id.at;
                diagnostics.add(&id.at, format!("there is an object '{}' already, at {place}", id.text));
            }
            None => {
                by_id.insert(id.text.clone(), at);
            }
        }
    }
    let mut copied = 0_usize;
    let mut merged = Merged { definitions: Vec::with_capacity(definitions.len()), groups: HashMap::new() };
    for (at, definition) in definitions.iter().enumerate() {
        // A second one of an id was told above.
        if by_id.get(&definition.id.text) != Some(&at) {
            continue;
        }
        let whole = with_parents(definition, &definitions, &by_id, diagnostics);
        match whole.count {
            None => merged.definitions.push(whole),
            Some(count) => {
                copied = copied.saturating_add(size(&mut whole.clone()).saturating_mul(count as usize));
                if merged.definitions.len() + count as usize > MOST || copied > COPIED {
                    let text =
                        format!("the configuration asks for more than {MOST} objects, or {COPIED} values in them");
                    diagnostics.add(&whole.at, text);
                    continue;
                }
                let ids: Vec<String> = (0..count).map(|number| format!("{}{number}", whole.id.text)).collect();
                if let Some(taken) = ids.iter().find(|id| by_id.contains_key(*id)) {
                    let text = format!("count: there is an object '{taken}' already");
                    diagnostics.add(&whole.id.at, text);
                    continue;
                }
                let placeholder = has_placeholder(&whole);
                for (number, id) in ids.iter().enumerate() {
                    let mut one = whole.clone();
                    one.id.text.clone_from(id);
                    one.count = None;
                    if placeholder {
                        substitute(&mut one, &number.to_string());
                    } else {
                        // The class says which property has the number; it is not known here.
                        one.count = u32::try_from(number).ok();
                    }
                    merged.definitions.push(one);
                }
                merged.groups.insert(whole.id.text.clone(), ids);
            }
        }
    }
    // Inner objects have parents, too.
    for definition in &mut merged.definitions {
        inner(definition, &definitions, &by_id, diagnostics);
    }
    merged
}

// The definition with what it has of its parent, of that one's parent, and so on.
fn with_parents(
    definition: &Definition,
    all: &[Definition],
    by_id: &HashMap<String, usize>,
    diagnostics: &mut Diagnostics,
) -> Definition {
    let mut whole = definition.clone();
    let mut seen = vec![definition.id.text.as_str()];
    let mut current = definition;
    while let Some(parent) = &current.parent {
        let Some(found) = by_id.get(&parent.text).and_then(|at| all.get(*at)) else {
            // Told once, where it is written.
            if std::ptr::eq(current, definition) {
                let near = diagnostics.did_you_mean(&parent.text, all.iter().map(|d| d.id.text.as_str()));
                diagnostics.add(&parent.at, format!("there is no object '{}' to be the parent{near}", parent.text));
            }
            break;
        };
        if seen.contains(&found.id.text.as_str()) {
            if found.id.text == definition.id.text {
                seen.push(&found.id.text);
                diagnostics.add(&definition.id.at, format!("parents in a circle: {}", seen.join(" -> ")));
            }
            break;
        }
        if seen.len() > 64 {
            diagnostics.add(&definition.id.at, "more than 64 parents above one another");
            break;
        }
        seen.push(&found.id.text);
        inherit(&mut whole, found);
        current = found;
    }
    whole
}

fn inherit(child: &mut Definition, parent: &Definition) {
    if child.class.is_none() {
        child.class.clone_from(&parent.class);
    }
    let named = |arg: &Argument, name: &str| arg.name.as_ref().is_some_and(|n| n.text == name);
    let sets = |child: &Definition, name: &str| {
        child.properties.iter().any(|(n, _)| n.text == name) || child.args.iter().any(|arg| named(arg, name))
    };
    let positional = child.args.iter().any(|arg| arg.name.is_none());
    let args: Vec<Argument> = parent
        .args
        .iter()
        .filter(|arg| match &arg.name {
            None => !positional,
            Some(name) => !sets(child, &name.text),
        })
        .cloned()
        .collect();
    let properties: Vec<_> = parent.properties.iter().filter(|(name, _)| !sets(child, &name.text)).cloned().collect();
    child.args.splice(0..0, args);
    child.properties.splice(0..0, properties);
}

fn nodes(definition: &mut Definition) -> Vec<&mut Node> {
    let args = definition.args.iter_mut().map(|arg| &mut arg.value);
    let properties = definition.properties.iter_mut().map(|(_, node)| node);
    args.chain(properties).chain(&mut definition.value).collect()
}

// Calls `f` with every node, and every inner object, however deep. Readers bound the depth.
fn walk(definition: &mut Definition, f: &mut impl FnMut(Visit<'_>)) {
    let mut open = nodes(definition);
    while let Some(node) = open.pop() {
        match &mut node.what {
            What::Text(text) | What::Value(Value::Str(text)) => f(Visit::Text(text)),
            What::Value(_) | What::Ref(_) => {}
            What::Object(inner) => {
                f(Visit::Object(inner));
                open.extend(nodes(inner));
            }
            What::List(_, items) => open.extend(items),
            What::Dict(pairs) => open.extend(pairs.iter_mut().flat_map(|(key, value)| [key, value])),
        }
    }
}

fn size(definition: &mut Definition) -> usize {
    let (mut size, mut open) = (1, nodes(definition));
    while let Some(node) = open.pop() {
        size += 1;
        match &mut node.what {
            What::Text(_) | What::Value(_) | What::Ref(_) => {}
            What::Object(inner) => open.extend(nodes(inner)),
            What::List(_, items) => open.extend(items),
            What::Dict(pairs) => open.extend(pairs.iter_mut().flat_map(|(key, value)| [key, value])),
        }
    }
    size
}

enum Visit<'a> {
    Text(&'a mut String),
    Object(&'a mut Definition),
}

fn inner(
    definition: &mut Definition,
    all: &[Definition],
    by_id: &HashMap<String, usize>,
    diagnostics: &mut Diagnostics,
) {
    walk(definition, &mut |visit| {
        if let Visit::Object(object) = visit
            && object.parent.is_some()
        {
            *object = with_parents(object, all, by_id, diagnostics);
        }
    });
}

// `ServiceName%s`, as the original's chapter writes it.
fn has_placeholder(definition: &Definition) -> bool {
    let mut found = false;
    walk(&mut definition.clone(), &mut |visit| {
        if let Visit::Text(text) = visit {
            found |= text.contains("%s");
        }
    });
    found
}

fn substitute(definition: &mut Definition, number: &str) {
    walk(definition, &mut |visit| {
        if let Visit::Text(text) = visit
            && text.contains("%s")
        {
            *text = text.replace("%s", number);
        }
    });
}
