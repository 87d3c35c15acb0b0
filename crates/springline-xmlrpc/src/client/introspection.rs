//! What servers tell of themselves.

use springline_core::{Error, ErrorKind, Result, Value};

use super::XmlRpcProxy;

/// One way to call a method: type names such as `int`, `string`, `dateTime.iso8601`, `struct`, as the server writes them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Signature {
    /// The result's type.
    pub result: String,
    /// The parameters' types.
    pub params: Vec<String>,
}

/// Something that a server announces, for example the fault codes of the interoperability specification.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capability {
    /// Its name, such as `faults_interop`.
    pub name: String,
    /// Where it is specified.
    pub spec_url: String,
    /// In which version.
    pub spec_version: String,
}

impl XmlRpcProxy {
    /// The names of all methods, by `system.listMethods`; in the server's order.
    ///
    /// # Errors
    /// As [`call`](Self::call). Servers without introspection answer with a fault.
    pub async fn list_methods(&self) -> Result<Vec<String>> {
        self.call("system.listMethods", ()).await
    }

    /// What a method is for, by `system.methodHelp`; empty where the server does not say.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn method_help(&self, method: &str) -> Result<String> {
        match self.call_value("system.methodHelp", (&*self.full_name(method),)).await? {
            Value::Str(text) => Ok(text),
            Value::Null => Ok(String::new()),
            other => Err(self.odd("a text", &other)),
        }
    }

    /// How a method can be called, by `system.methodSignature`; `None` where the server does not know. Understands what
    /// servers answer besides lists of lists: the texts of CPython and xmlrpc-c for "unknown", Ruby's empty list, and
    /// supervisor's single list.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn method_signature(&self, method: &str) -> Result<Option<Vec<Signature>>> {
        let answer = self.call_value("system.methodSignature", (&*self.full_name(method),)).await?;
        signatures(&answer).ok_or_else(|| self.odd("a list of signatures", &answer))
    }

    /// What the server announces, by `system.getCapabilities`.
    ///
    /// # Errors
    /// As [`call`](Self::call). Few servers have it.
    pub async fn capabilities(&self) -> Result<Vec<Capability>> {
        let answer = self.call_value("system.getCapabilities", ()).await?;
        let Value::Map(members) = &answer else { return Err(self.odd("a struct", &answer)) };
        let text = |v: Option<&Value>| match v {
            Some(Value::Str(text)) => text.clone(),
            Some(Value::I32(n)) => n.to_string(),
            Some(Value::I64(n)) => n.to_string(),
            Some(Value::F64(n)) => n.to_string(),
            _ => String::new(),
        };
        let capability = |(name, about): &(Value, Value)| {
            let get = |key: &str| match about {
                Value::Map(members) => text(members.iter().find(|(k, _)| k.as_str() == Some(key)).map(|(_, v)| v)),
                _ => String::new(),
            };
            Capability { name: text(Some(name)), spec_url: get("specUrl"), spec_version: get("specVersion") }
        };
        Ok(members.iter().map(capability).collect())
    }

    fn odd(&self, expected: &str, found: &Value) -> Error {
        self.answered(Error::new(ErrorKind::Mismatch, format!("expected {expected}, found {found:?}")))
    }
}

// Nothing where the answer is none of the known kinds.
fn signatures(answer: &Value) -> Option<Option<Vec<Signature>>> {
    let Value::List(items) = answer else {
        return matches!(answer, Value::Str(_) | Value::Null).then_some(None);
    };
    if items.is_empty() {
        return Some(None);
    }
    if items.iter().all(|v| v.as_str().is_some()) {
        return Some(signature(items).map(|one| vec![one]));
    }
    let read = |v: &Value| match v {
        Value::List(types) => signature(types),
        _ => None,
    };
    items.iter().map(read).collect::<Option<Vec<_>>>().map(Some)
}

fn signature(types: &[Value]) -> Option<Signature> {
    let mut names = types.iter().map(|v| v.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()?.into_iter();
    Some(Signature { result: names.next()?, params: names.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_of_all_servers() {
        let list = |items: &[&str]| Value::List(items.iter().map(|t| Value::from(*t)).collect());
        let one = Signature { result: "int".into(), params: vec!["string".into()] };
        for (answer, expected) in [
            (Value::List(vec![list(&["int", "string"])]), Some(Some(vec![one.clone()]))),
            (
                Value::List(vec![list(&["int", "string"]), list(&["int", "string"])]),
                Some(Some(vec![one.clone(), one.clone()])),
            ),
            (list(&["int", "string"]), Some(Some(vec![one]))),
            ("signatures not supported".into(), Some(None)),
            ("undef".into(), Some(None)),
            (Value::List(vec![]), Some(None)),
            (Value::Null, Some(None)),
            (Value::List(vec![1.into()]), None),
            (Value::Bool(false), None),
        ] {
            assert_eq!(signatures(&answer), expected, "{answer:?}");
        }
    }
}
