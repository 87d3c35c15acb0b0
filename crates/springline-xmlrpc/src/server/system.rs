//! The methods under `system.`.

use std::borrow::Cow;

use springline_core::{
    Call, CallKind, CallOptions, Error, ErrorKind, MethodInfo, ParamInfo, Payload, Result, ServiceInfo, Value,
};
use tracing::debug;

use super::dispatch::{Answer, LOG, Methods, Target};
use super::signature;
use crate::{Dialect, Fault, FaultDialect};

/// How much the results of one multicall may take, as they are written. They are held together until the last is there.
const MULTICALL_BYTES: usize = 64 << 20;

/// One of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum System {
    ListMethods,
    MethodHelp,
    MethodSignature,
    Multicall,
    GetCapabilities,
}

impl System {
    pub(super) const ALL: [Self; 5] =
        [Self::GetCapabilities, Self::ListMethods, Self::MethodHelp, Self::MethodSignature, Self::Multicall];

    pub(super) fn named(name: &str) -> Option<Self> {
        if !name.starts_with("system.") {
            return None;
        }
        Self::ALL.into_iter().find(|s| s.info().name == name)
    }

    pub(super) fn info(self) -> &'static MethodInfo {
        match self {
            Self::ListMethods => &LIST_METHODS,
            Self::MethodHelp => &METHOD_HELP,
            Self::MethodSignature => &METHOD_SIGNATURE,
            Self::Multicall => &MULTICALL,
            Self::GetCapabilities => &GET_CAPABILITIES,
        }
    }
}

const fn info(
    name: &'static str,
    params: &'static [ParamInfo],
    returns: &'static str,
    doc: &'static str,
) -> MethodInfo {
    MethodInfo {
        name: Cow::Borrowed(name),
        kind: CallKind::Method,
        params: Cow::Borrowed(params),
        returns: Cow::Borrowed(returns),
        oneway: false,
        idempotent: true,
        doc: Cow::Borrowed(doc),
    }
}

const fn param(name: &'static str, type_name: &'static str) -> ParamInfo {
    ParamInfo { name: Cow::Borrowed(name), type_name: Cow::Borrowed(type_name), optional: false }
}

static METHOD_NAME: [ParamInfo; 1] = [param("methodName", "String")];
static CALLS: [ParamInfo; 1] = [param("calls", "Vec<Call>")];

static LIST_METHODS: MethodInfo =
    info("system.listMethods", &[], "Vec<String>", "The names of all methods of this server.");
static METHOD_HELP: MethodInfo = info(
    "system.methodHelp",
    &METHOD_NAME,
    "String",
    "What a method is for; an empty text where nothing was written about it.",
);
static METHOD_SIGNATURE: MethodInfo = info(
    "system.methodSignature",
    &METHOD_NAME,
    "Vec<Vec<String>>",
    "An array of signatures of a method, each an array of type names: what it returns, then its parameters.",
);
static MULTICALL: MethodInfo = info(
    "system.multicall",
    &CALLS,
    "Vec<Value>",
    "Makes several calls, given as structs of methodName and params, and returns an array with an array of one result \
     or a fault's struct for each.",
);
static GET_CAPABILITIES: MethodInfo = info(
    "system.getCapabilities",
    &[],
    "Capabilities",
    "The extensions of XML-RPC that this server has, each with the address and the version of its specification.",
);

impl Methods {
    pub(super) async fn system(
        &self,
        system: System,
        args: Payload<'_>,
        options: CallOptions,
    ) -> Result<Answer, Fault> {
        let value = match system {
            System::ListMethods => {
                self.arguments::<0>(system, args)?;
                Value::List(self.learned_names().await.into_iter().map(Value::from).collect())
            }
            System::MethodHelp => {
                let name = self.method_name(system, args)?;
                Value::from(self.learned(&name).await?.map_or_else(String::new, |info| info.doc.trim().to_owned()))
            }
            System::MethodSignature => {
                let name = self.method_name(system, args)?;
                match self.learned(&name).await?.as_ref().and_then(signature::of) {
                    Some(types) => Value::List(vec![Value::List(types.into_iter().map(Value::from).collect())]),
                    // What people's clients know from CPython's server, and from xmlrpc-c's.
                    None if self.faults == FaultDialect::Python => Value::from("signatures not supported"),
                    None => Value::from("undef"),
                }
            }
            System::GetCapabilities => {
                self.arguments::<0>(system, args)?;
                self.capabilities()
            }
            System::Multicall => return self.several(args, options).await,
        };
        Ok(Answer::Reply(value.into()))
    }

    fn arguments<const N: usize>(&self, system: System, args: Payload<'_>) -> Result<[Value; N], Fault> {
        let items = match args.into_value().map_err(|e| self.fault(e))? {
            Value::List(items) | Value::Tuple(items) => items,
            _ => Vec::new(),
        };
        let found = items.len();
        items.try_into().map_err(|_| {
            let name = &system.info().name;
            self.misfit(format!("{name}() takes {N} argument{}, {found} given", if N == 1 { "" } else { "s" }))
        })
    }

    fn method_name(&self, system: System, args: Payload<'_>) -> Result<String, Fault> {
        match self.arguments::<1>(system, args)? {
            [Value::Str(name)] => Ok(name),
            _ => Err(self.misfit(format!("{}() takes a method's name, a string", system.info().name))),
        }
    }

    fn misfit(&self, why: String) -> Fault {
        self.fault(Error::new(ErrorKind::Arguments, why))
    }

    /// What is known of a method; a fault if there is no such method.
    fn described(&self, name: &str) -> Result<Option<MethodInfo>, Fault> {
        let target = self.find(name).ok_or_else(|| self.no_such_method(name))?;
        match &target {
            Target::Service(service, method) => match service.describe() {
                Some(info) => Ok(Some(info.method(method).ok_or_else(|| self.no_such_method(name))?.clone())),
                None => Ok(None),
            },
            other => Ok(other.info().cloned()),
        }
    }

    // The same, asked of the object behind a gateway where that is needed.
    async fn learned(&self, name: &str) -> Result<Option<MethodInfo>, Fault> {
        let target = self.find(name).ok_or_else(|| self.no_such_method(name))?;
        if let Target::Service(service, method) = &target
            && service.describe().is_none()
        {
            return match service.learn().await.map_err(|e| self.fault(e))? {
                Some(info) => Ok(Some(info.method(method).ok_or_else(|| self.no_such_method(name))?.clone())),
                None => Ok(None),
            };
        }
        self.described(name)
    }

    // Those of objects behind gateways included, as far as they can be asked.
    async fn learned_names(&self) -> Vec<String> {
        let mut names = self.names();
        for prefix in self.registry.names() {
            let Some(service) = self.registry.get(&prefix).filter(|s| s.describe().is_none()) else { continue };
            match service.learn().await {
                Ok(Some(info)) => names.extend(self.names_of(&prefix, &info)),
                Ok(None) => {}
                Err(e) => {
                    debug!(target: LOG, prefix, error = %e.report(), "the object cannot be asked for its methods")
                }
            }
        }
        names.sort();
        names.dedup();
        names
    }

    fn names_of(&self, prefix: &str, info: &ServiceInfo) -> Vec<String> {
        let methods = info.methods.iter().filter(|m| m.kind == CallKind::Method);
        let full = |m: &MethodInfo| if prefix.is_empty() { m.name.to_string() } else { format!("{prefix}.{}", m.name) };
        // Not what is hidden, be it by an underscore or by another method of that name.
        methods.map(full).filter(|name| self.find(name).is_some()).collect()
    }

    /// The names of all methods, sorted. Those of services that do not tell theirs are missing.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.functions.keys().cloned().collect();
        names.extend(System::ALL.into_iter().filter(|s| self.serves(*s)).map(|s| s.info().name.to_string()));
        for prefix in self.registry.names() {
            let Some(service) = self.registry.get(&prefix) else { continue };
            if let Some(info) = service.describe() {
                names.extend(self.names_of(&prefix, info));
            }
        }
        names.sort();
        names.dedup();
        names
    }

    /// What is known of the method of that name.
    pub(super) fn info(&self, name: &str) -> Option<MethodInfo> {
        self.described(name).ok().flatten()
    }

    fn capabilities(&self) -> Value {
        let one = |url: &str, version: i32| {
            Value::Map(vec![("specUrl".into(), url.into()), ("specVersion".into(), version.into())])
        };
        let mut all: Vec<(Value, Value)> = vec![("xmlrpc".into(), one("http://www.xmlrpc.com/spec", 1))];
        if self.faults == FaultDialect::Interop {
            let url = "http://xmlrpc-epi.sourceforge.net/specs/rfc.fault_codes.php";
            all.push(("faults_interop".into(), one(url, 20_010_516)));
        }
        if self.introspection {
            let url = "http://xmlrpc-c.sourceforge.net/introspection.html";
            all.push(("introspection".into(), one(url, 1)));
        }
        if self.multicall > 0 {
            let url = "http://www.xmlrpc.com/discuss/msgReader$1208";
            all.push(("system.multicall".into(), one(url, 1)));
        }
        match self.write.dialect {
            Dialect::None => {}
            Dialect::Plain => all.push(("nil".into(), one("http://ontosys.com/xml-rpc/extensions.php", 20_010_518))),
            Dialect::Apache => {
                all.push(("nil".into(), one("http://ws.apache.org/xmlrpc/namespaces/extensions", 1)));
            }
        }
        Value::Map(all)
    }

    async fn several(&self, args: Payload<'_>, options: CallOptions) -> Result<Answer, Fault> {
        let [calls] = self.arguments::<1>(System::Multicall, args)?;
        let Value::List(calls) = calls else {
            return Err(self.misfit("system.multicall() takes an array of structs".to_owned()));
        };
        if calls.len() > self.multicall {
            let e = format!("{} calls are over the limit multicall = {}", calls.len(), self.multicall);
            return Err(self.fault(Error::new(ErrorKind::Limit, e)));
        }
        let mut answers = Vec::with_capacity(calls.len());
        let (mut written, mut total) = (Vec::new(), 0);
        for call in calls {
            if total >= MULTICALL_BYTES {
                let e = format!("the results before this one are over {MULTICALL_BYTES} bytes: it was not called");
                answers.push(Err(self.fault(Error::new(ErrorKind::Limit, e))));
                continue;
            }
            let answer = match entry(call) {
                Ok((name, _)) if name == System::Multicall.info().name => {
                    Err(Fault::no_call("system.multicall must not call itself", self.faults))
                }
                Ok((name, params)) => {
                    let args = Payload::from(Value::List(params));
                    let mut call =
                        Call { method: &name, kind: CallKind::Method, args, kwargs: None, options: options.clone() };
                    Box::pin(self.perform(&mut call)).await
                }
                Err(why) => Err(Fault::no_call(why, self.faults)),
            };
            // Also because what cannot be written costs its own call only.
            written.clear();
            answers.push(answer.and_then(|answer| self.try_write(&answer, &mut written).map(|()| answer)));
            total += written.len();
        }
        Ok(Answer::Several(answers))
    }
}

// A struct of exactly methodName and params.
fn entry(call: Value) -> Result<(String, Vec<Value>), &'static str> {
    let Value::Map(members) = call else { return Err("a call in system.multicall is a struct") };
    let (mut name, mut params) = (None, None);
    for (key, value) in members {
        match (key.as_str(), value) {
            (Some("methodName"), Value::Str(text)) => name = Some(text),
            (Some("methodName"), _) => return Err("methodName in system.multicall is a string"),
            (Some("params"), Value::List(items)) => params = Some(items),
            (Some("params"), _) => return Err("params in system.multicall is an array"),
            _ => return Err("a call in system.multicall has methodName and params and nothing else"),
        }
    }
    match (name, params) {
        (Some(name), Some(params)) => Ok((name, params)),
        (None, _) => Err("methodName is missing in system.multicall"),
        (_, None) => Err("params is missing in system.multicall"),
    }
}
