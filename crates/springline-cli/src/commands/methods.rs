//! `springline methods URI`

use springline::{CallKind, MethodInfo, ServiceInfo, Value};

use crate::cli::Methods;
use crate::failure::Failure;
use crate::output::one_line;
use crate::target::{Target, block_on, masked};
use crate::{json, output};

pub(super) fn run(command: &Methods) -> Result<(), Failure> {
    let target = Target::open(&command.object.uri, &command.connection)?;
    let info = block_on(target.describe())?.map_err(|e| target.failure(e))?;
    let offer = Offer::of(&info);
    if command.json {
        return output::line(&json::write(&offer.to_value(&masked(&command.object.uri)), command.compact));
    }
    let lines = offer.lines();
    if lines.is_empty() { Ok(()) } else { output::line(&lines.join("\n")) }
}

/// What an object offers, in the order of names.
struct Offer<'i> {
    methods: Vec<&'i MethodInfo>,
    attributes: Vec<&'i str>,
}

impl<'i> Offer<'i> {
    fn of(info: &'i ServiceInfo) -> Self {
        let mut methods: Vec<&MethodInfo> = info.methods.iter().filter(|m| m.kind == CallKind::Method).collect();
        methods.sort_by(|a, b| a.name.cmp(&b.name));
        let accessors = info.methods.iter().filter(|m| m.kind != CallKind::Method);
        let mut attributes: Vec<&str> = accessors.map(|m| &*m.name).collect();
        attributes.sort_unstable();
        attributes.dedup();
        Self { methods, attributes }
    }

    // One for each, what there is to say of it in a second column.
    fn lines(&self) -> Vec<String> {
        let mut rows: Vec<(String, &str)> = Vec::new();
        for method in &self.methods {
            let mut name = one_line(&method.name);
            if !method.params.is_empty() {
                let params = method.params.iter();
                let params: Vec<String> =
                    params.map(|p| format!("{}{}", one_line(&p.name), if p.optional { "?" } else { "" })).collect();
                name += &format!("({})", params.join(", "));
            }
            rows.push((name, if method.oneway { "oneway" } else { "" }));
        }
        rows.extend(self.attributes.iter().map(|name| (one_line(name), "attribute")));
        let width = rows.iter().filter(|(_, note)| !note.is_empty()).map(|(name, _)| name.chars().count()).max();
        let width = width.unwrap_or(0);
        rows.into_iter()
            .map(|(name, note)| if note.is_empty() { name } else { format!("{name:width$}  {note}") })
            .collect()
    }

    fn to_value(&self, uri: &str) -> Value {
        let map = |pairs: Vec<(&str, Value)>| Value::Map(pairs.into_iter().map(|(k, v)| (k.into(), v)).collect());
        let methods = self.methods.iter().map(|method| {
            let mut pairs = vec![("name", Value::from(&*method.name))];
            if !method.params.is_empty() {
                let params = method.params.iter();
                let params =
                    params.map(|p| map(vec![("name", (&*p.name).into()), ("optional", p.optional.into())])).collect();
                pairs.push(("params", Value::List(params)));
            }
            pairs.push(("oneway", method.oneway.into()));
            map(pairs)
        });
        map(vec![
            ("uri", uri.into()),
            ("methods", Value::List(methods.collect())),
            ("attributes", Value::List(self.attributes.iter().map(|name| Value::from(*name)).collect())),
        ])
    }
}

#[cfg(test)]
mod tests {
    use springline::ParamInfo;

    use super::*;

    #[test]
    fn parameters_are_shown_where_they_are_known() {
        let param = |name: &'static str, optional| ParamInfo { name: name.into(), optional, ..ParamInfo::default() };
        let method = |name: &'static str, kind, oneway, params: Vec<ParamInfo>| MethodInfo {
            name: name.into(),
            kind,
            oneway,
            params: params.into(),
            ..MethodInfo::default()
        };
        let methods = vec![
            method("sub", CallKind::Method, false, vec![param("a", false), param("b", true)]),
            method("fire", CallKind::Method, true, vec![]),
            method("value", CallKind::GetAttr, false, vec![]),
            method("value", CallKind::SetAttr, false, vec![param("value", false)]),
        ];
        let info = ServiceInfo { methods: methods.into(), ..ServiceInfo::default() };
        let offer = Offer::of(&info);
        assert_eq!(offer.lines(), ["fire   oneway", "sub(a, b?)", "value  attribute"]);
        let json = json::write(&offer.to_value("u"), true);
        let expected = concat!(
            r#"{"uri":"u","methods":[{"name":"fire","oneway":true},{"name":"sub","params":[{"name":"a","optional":false},"#,
            r#"{"name":"b","optional":true}],"oneway":false}],"attributes":["value"]}"#
        );
        assert_eq!(json, expected);
    }
}
