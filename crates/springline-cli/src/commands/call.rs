//! `springline call URI METHOD [ARG...]`

use springline::{CallKind, CallOptions, Payload, Value};

use super::{print, send};
use crate::cli::Call;
use crate::failure::Failure;
use crate::json;
use crate::target::Target;

pub(super) fn run(command: &Call) -> Result<(), Failure> {
    let args = command.args.iter().enumerate();
    let args: Vec<Value> =
        args.map(|(i, arg)| json::argument(arg, &format!("argument {}", i + 1))).collect::<Result<_, _>>()?;
    let kwargs = keywords(&command.kwargs)?;
    let target = Target::open(&command.object.uri, &command.connection)?;
    let mut options = CallOptions::default();
    options.oneway = command.oneway;
    let call = springline::Call {
        method: &command.method,
        kind: CallKind::Method,
        args: Payload::from(Value::Tuple(args)),
        kwargs: (!kwargs.is_empty()).then(|| Payload::from(Value::Map(kwargs))),
        options,
    };
    let reply = send(&target, call)?;
    if command.oneway { Ok(()) } else { print(reply, command.print.compact) }
}

fn keywords(typed: &[String]) -> Result<Vec<(Value, Value)>, Failure> {
    let mut pairs: Vec<(Value, Value)> = Vec::new();
    for one in typed {
        let (name, value) = json::keyword(one)?;
        if pairs.iter().any(|(n, _)| n.as_str() == Some(name)) {
            return Err(Failure::Usage(format!("--kw {name}= is given twice")));
        }
        pairs.push((name.into(), value));
    }
    Ok(pairs)
}
