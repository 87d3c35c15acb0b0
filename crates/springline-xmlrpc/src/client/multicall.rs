//! Several calls in one message.

use springline_core::{Args, Error, ErrorKind, Payload, Result, Tape, Value};

use super::XmlRpcProxy;
use crate::Fault;

/// Several calls in one message, by `system.multicall`; see [`XmlRpcProxy::multicall`]. They run in order, and one that
/// fails does not keep the others from running.
///
/// ```no_run
/// # async fn f(server: springline_xmlrpc::client::XmlRpcProxy) -> springline_core::Result<()> {
/// let results = server.multicall().call("add", (1, 2)).call("pow", (41, 3)).send().await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a multicall does nothing until it is sent"]
pub struct Multicall<'a> {
    proxy: &'a XmlRpcProxy,
    calls: Vec<Value>,
    error: Option<Error>,
    unwrapped: bool,
}

impl<'a> Multicall<'a> {
    pub(super) fn new(proxy: &'a XmlRpcProxy) -> Self {
        Self { proxy, calls: Vec::new(), error: None, unwrapped: false }
    }

    /// Adds a call. The proxy's prefix stands before its name.
    pub fn call(mut self, method: &str, args: impl Args) -> Self {
        match Tape::of(&args).and_then(|tape| Payload::from(tape).into_value()) {
            Ok(params) => {
                let name = self.proxy.full_name(method).into_owned();
                let call = vec![("methodName".into(), name.into()), ("params".into(), params)];
                self.calls.push(Value::Map(call));
            }
            Err(e) => {
                let text = format!("call {} of a multicall, {method}()", self.calls.len() + 1);
                self.error.get_or_insert(e.context(text));
            }
        }
        self
    }

    /// Takes a list of one as the result itself, for servers that do not put each result into one. supervisor is such a
    /// server; without this its results are told from others' by what they are, which is wrong for a list of one.
    pub fn unwrapped(mut self) -> Self {
        self.unwrapped = true;
        self
    }

    /// Sends all calls. The results stand in order; a fault is the [`Error`] in its place.
    ///
    /// # Errors
    /// As [`XmlRpcProxy::call`], for the multicall as a whole; [`ErrorKind::Protocol`] when there are not as many results as
    /// calls.
    pub async fn send(self) -> Result<Vec<Result<Value>>> {
        if let Some(e) = self.error {
            return Err(e);
        }
        let sent = self.calls.len();
        let results = self.proxy.call_value("system.multicall", vec![Value::List(self.calls)]).await?;
        let bad = |text| Err(self.proxy.answered(Error::new(ErrorKind::Protocol, text)));
        let Value::List(results) = results else {
            return bad("the answer to a multicall is no list".to_owned());
        };
        if results.len() != sent {
            return bad(format!("a multicall of {sent} calls has {} results", results.len()));
        }
        let one = |result| read(result, self.unwrapped).map_err(|e| self.proxy.answered(e));
        Ok(results.into_iter().map(one).collect())
    }
}

fn read(result: Value, unwrapped: bool) -> Result<Value> {
    match result {
        Value::List(mut items) if !unwrapped && items.len() == 1 => Ok(items.pop().unwrap_or_default()),
        Value::Map(members) if is_fault(&members) => Err(Fault::from_value(Value::Map(members))?.into_error()),
        other => Ok(other),
    }
}

// A struct of exactly a fault's two members.
fn is_fault(members: &[(Value, Value)]) -> bool {
    let has = |name: &str| members.iter().any(|(k, _)| k.as_str() == Some(name));
    members.len() == 2 && has("faultCode") && has("faultString")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_in_all_their_forms() {
        let pair =
            |code: Value, text: &str| Value::Map(vec![("faultCode".into(), code), ("faultString".into(), text.into())]);
        let list = |v: Value| Value::List(vec![v]);
        assert_eq!(read(list(7.into()), false).unwrap(), Value::from(7));
        assert_eq!(read(list(7.into()), true).unwrap(), list(7.into()));
        assert_eq!(read(list(list(7.into())), false).unwrap(), list(7.into()));
        assert_eq!(read("bare".into(), false).unwrap(), Value::from("bare"));
        assert_eq!(read(Value::List(vec![]), false).unwrap(), Value::List(vec![]));
        for code in [Value::I32(10), Value::I64(10), Value::from(" 10 ")] {
            let e = read(pair(code, "BAD_NAME"), false).unwrap_err();
            let exception = e.exception().unwrap();
            assert_eq!((exception.code, exception.message.as_str()), (Some(10), "BAD_NAME"));
        }
        let wrapped = list(pair(1.into(), "a result that looks like a fault"));
        assert!(matches!(read(wrapped, false).unwrap(), Value::Map(_)));
        let Value::Map(mut more) = pair(1.into(), "x") else { unreachable!() };
        more.push(("extra".into(), 1.into()));
        assert!(read(Value::Map(more), false).is_ok());
    }
}
