//! What an object offers, told between daemons and proxies of Springline: Pyro 3 itself has no way to ask.
//!
//! It goes as the value of an attribute, under the name by which Python before 2.2 told methods; a Python daemon answers
//! with an `AttributeError`.

use springline_core::Value;
use springline_core::service::{CallKind, MethodInfo, ParamInfo, Service, ServiceInfo};

/// The attribute's name.
pub(super) const ATTRIBUTE: &str = "__methods__";

const KINDS: [(CallKind, &str); 3] =
    [(CallKind::Method, "method"), (CallKind::GetAttr, "get"), (CallKind::SetAttr, "set")];

/// As a list of `(kind, name, [(parameter, optional)], oneway)`.
pub(super) fn write(info: &ServiceInfo) -> Value {
    let params = |method: &MethodInfo| {
        method.params.iter().map(|p| Value::Tuple(vec![(&*p.name).into(), p.optional.into()])).collect()
    };
    let methods = info.methods.iter().filter_map(|method| {
        let (_, kind) = KINDS.iter().find(|(kind, _)| *kind == method.kind)?;
        let name = (&*method.name).into();
        Some(Value::Tuple(vec![(*kind).into(), name, Value::List(params(method)), method.oneway.into()]))
    });
    Value::List(methods.collect())
}

/// What of it can be read.
pub(super) fn read(value: &Value) -> ServiceInfo {
    let param = |value: &Value| {
        let name = value.get(0)?.as_str()?.to_owned();
        Some(ParamInfo { name: name.into(), type_name: "".into(), optional: value.get(1) == Some(&Value::Bool(true)) })
    };
    let method = |value: &Value| {
        let word = value.get(0)?.as_str()?;
        let (kind, _) = KINDS.iter().find(|(_, kind)| *kind == word)?;
        let params: Vec<ParamInfo> = value.get(2)?.as_items()?.iter().filter_map(param).collect();
        Some(MethodInfo {
            kind: *kind,
            name: value.get(1)?.as_str()?.to_owned().into(),
            params: params.into(),
            oneway: value.get(3) == Some(&Value::Bool(true)),
            ..MethodInfo::default()
        })
    };
    let methods: Vec<MethodInfo> = value.as_items().unwrap_or_default().iter().filter_map(method).collect();
    ServiceInfo { methods: methods.into(), ..ServiceInfo::default() }
}

/// The attributes that a service tells it has.
pub(super) fn attributes_of(service: &dyn Service) -> Vec<String> {
    let methods = service.describe().map_or(&[][..], |info| &info.methods);
    let readable = methods.iter().filter(|method| method.kind == CallKind::GetAttr);
    readable.map(|method| method.name.clone().into_owned()).collect()
}
