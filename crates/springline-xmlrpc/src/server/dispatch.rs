//! From a method's name to what it gives.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use springline_core::panics::{Caught, Panicked, catch};
use springline_core::{
    Call, Container, Encode, Error, FnService, MethodInfo, Payload, Registry, Reply, Result, Service, Sink, Value,
};
use springline_net::http::conditions;
use tracing::{debug, error};

use super::signature;
use super::system::System;
use crate::{Dialect, Fault, FaultDialect, ReadOptions, WriteOptions, write_fault, write_response};

/// Bytes of the name of a service's method, prefix included.
const LONGEST_NAME: usize = 1000;

/// What is served, and how it is answered.
pub(super) struct Methods {
    pub(super) functions: BTreeMap<String, FnService>,
    pub(super) registry: Registry,
    pub(super) introspection: bool,
    pub(super) capabilities: bool,
    /// Calls in one `system.multicall`; 0 where there is none.
    pub(super) multicall: usize,
    pub(super) read: ReadOptions,
    pub(super) write: WriteOptions,
    pub(super) faults: FaultDialect,
    pub(super) details: bool,
    pub(super) deadline: Option<Duration>,
}

/// A method that was found.
pub(super) enum Target<'a> {
    Function(&'a FnService, &'a str),
    Service(Arc<dyn Service>, &'a str),
    System(System),
}

impl Target<'_> {
    /// What is known of the method.
    pub(super) fn info(&self) -> Option<&MethodInfo> {
        match self {
            Self::Function(function, name) => function.describe()?.method(name),
            Self::Service(service, name) => service.describe()?.method(name),
            Self::System(system) => Some(system.info()),
        }
    }
}

/// What a call gave.
pub(super) enum Answer {
    Reply(Reply),
    Several(Vec<Result<Answer, Fault>>),
}

impl Encode for Answer {
    fn encode(&self, sink: &mut dyn Sink) -> Result<()> {
        match self {
            Self::Reply(reply) => reply.result.encode(sink),
            Self::Several(answers) => {
                sink.begin(Container::list(Some(answers.len())))?;
                for answer in answers {
                    match answer {
                        Ok(answer) => {
                            sink.begin(Container::list(Some(1)))?;
                            answer.encode(sink)?;
                            sink.end()?;
                        }
                        Err(fault) => fault_value(fault).write(sink)?,
                    }
                }
                sink.end()
            }
        }
    }
}

fn fault_value(fault: &Fault) -> Value {
    Value::Map(vec![
        (Value::from("faultCode"), Value::from(fault.code)),
        (Value::from("faultString"), Value::from(fault.string.as_str())),
    ])
}

impl Methods {
    /// Where a name leads. The longest prefix that is a service's counts.
    pub(super) fn find<'a>(&'a self, name: &'a str) -> Option<Target<'a>> {
        // What begins with an underscore, behind dots as well, is not for callers.
        let dots = memchr::memchr(b'.', name.as_bytes()).is_some();
        if name.starts_with('_') || (dots && name.contains("._")) {
            return None;
        }
        if let Some(function) = self.functions.get(name) {
            return Some(Target::Function(function, name));
        }
        if !dots && name.len() <= LONGEST_NAME {
            return Some(Target::Service(self.registry.get("")?, name));
        }
        if let Some(system) = System::named(name).filter(|s| self.serves(*s)) {
            return Some(Target::System(system));
        }
        // Each dot costs a look-up of all that stands before it.
        if name.len() > LONGEST_NAME {
            return None;
        }
        let mut end = name.len();
        while let Some(dot) = name[..end].rfind('.') {
            if let Some(service) = self.registry.get(&name[..dot]) {
                return Some(Target::Service(service, &name[dot + 1..]));
            }
            end = dot;
        }
        Some(Target::Service(self.registry.get("")?, name))
    }

    pub(super) fn serves(&self, system: System) -> bool {
        match system {
            System::Multicall => self.multicall > 0,
            System::GetCapabilities => self.capabilities,
            _ => self.introspection,
        }
    }

    /// Calls a method, whose full name is in `call`, within the time there is for it.
    pub(super) async fn call<'a>(&'a self, call: &mut Call<'a>) -> Result<Answer, Fault> {
        match conditions::limit(self.deadline, &mut call.options) {
            None => self.perform(call).await,
            Some(limit) => Box::pin(self.perform_within(limit, call)).await,
        }
    }

    async fn perform_within<'a>(&'a self, limit: Duration, call: &mut Call<'a>) -> Result<Answer, Fault> {
        match tokio::time::timeout(limit, self.perform(call)).await {
            Ok(done) => done,
            Err(_) => Err(self.fault(conditions::given_up(limit))),
        }
    }

    /// The same for as long as it takes.
    pub(super) async fn perform<'a>(&'a self, call: &mut Call<'a>) -> Result<Answer, Fault> {
        let target = self.find(call.method).ok_or_else(|| self.no_such_method(call.method))?;
        let (service, method): (&dyn Service, &'a str) = match &target {
            Target::Function(function, method) => (*function, method),
            Target::Service(service, method) => (&**service, method),
            Target::System(system) => {
                return Box::pin(self.system(*system, call.args.by_ref(), call.options.clone())).await;
            }
        };
        call.method = method;
        let call = &*call;
        let done = match catch(|| service.call(call)) {
            Ok(future) => Caught(future).await,
            Err(panicked) => Err(panicked),
        };
        let mut reply = match done {
            Ok(Ok(reply)) => reply,
            Ok(Err(e)) => return Err(self.fault(e)),
            Err(panicked) => return Err(self.panicked(method, panicked)),
        };
        // A method that gives nothing gives an empty text to those who have no null. An option that is empty is no
        // text: that stays an error.
        if self.write.dialect == Dialect::None
            && reply.result.is_null()
            && target.info().is_none_or(signature::may_return_nothing)
        {
            reply.result = Value::from("").into();
        }
        Ok(Answer::Reply(reply))
    }

    #[cold]
    pub(super) fn no_such_method(&self, name: &str) -> Fault {
        Fault::no_such_method(name, self.faults)
    }

    /// What the caller is told of an error.
    #[cold]
    pub(super) fn fault(&self, error: Error) -> Fault {
        debug!(target: LOG, error = %error.report(), "fault");
        let told = if self.details { Fault::detailed } else { Fault::from_error };
        told(&error, self.faults)
    }

    #[cold]
    fn panicked(&self, method: &str, Panicked(text): Panicked) -> Fault {
        error!(target: LOG, panic = %text, method, "a handler panicked");
        let why = if self.details { format!("the method panicked: {text}") } else { "the method failed".to_owned() };
        Fault::internal(&why, self.faults)
    }

    /// Appends the document of an answer; of a fault where the answer cannot be written.
    pub(super) fn write(&self, answer: Result<Answer, Fault>, out: &mut Vec<u8>) {
        let fault = match answer.map(|answer| self.try_write(&answer, out)) {
            Ok(Ok(())) => return,
            Ok(Err(fault)) | Err(fault) => fault,
        };
        if let Err(e) = write_fault(out, &fault, &self.write) {
            error!(target: LOG, error = %e, "a fault cannot be written");
            out.clear();
            let _ = write_fault(out, &Fault::internal("the answer cannot be written", self.faults), &self.write);
        }
    }

    /// Appends the document of an answer, or nothing.
    pub(super) fn try_write(&self, answer: &Answer, out: &mut Vec<u8>) -> Result<(), Fault> {
        let before = out.len();
        // A result's own Serialize may panic, too.
        let written = catch(|| match answer {
            Answer::Reply(reply) => write_response(out, &reply.result, &self.write),
            several @ Answer::Several(_) => write_response(out, &Payload::borrowed(several), &self.write),
        });
        let fault = match written {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(e)) => self.fault(e.context("the result")),
            Err(panicked) => self.panicked("the result", panicked),
        };
        out.truncate(before);
        Err(fault)
    }
}

/// The target of everything but request lines.
pub(super) const LOG: &str = "springline::xmlrpc";
