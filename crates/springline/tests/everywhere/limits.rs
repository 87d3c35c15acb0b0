//! What a wire does not have. Each entry is checked: the call has to fail with these words, or to come without just this.

use springline::pyro::Serializer;

use crate::wires::Wire;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// The call fails, and its error says so in these words.
    Fails(&'static str),
    /// The call goes well without it.
    Lost(&'static str),
    /// The panic of a handler is the caller's own.
    Panics,
}

use Limit::{Fails, Lost};

/// What wires have not of a feature, one behind the other.
pub(crate) fn limits(wires: &[Wire], feature: &str) -> Vec<Limit> {
    let mut all: Vec<Limit> = wires.iter().filter_map(|wire| limit(*wire, feature)).collect();
    // Hessian's dates are instants, in UTC, and stay so in the next wire.
    for pair in
        wires.windows(2).filter(|pair| feature == "dates" && pair.iter().any(|w| matches!(w, Wire::Hessian(..))))
    {
        all.extend(pair.iter().filter_map(|wire| match wire {
            Wire::Pyro3 => Some(Fails("Python 2 has no class for a date's offset from UTC")),
            Wire::Pyro4(Serializer::Msgpack) | Wire::Pyro5(Serializer::Msgpack) => {
                Some(Fails("Pyro's msgpack cannot carry a date with a zone"))
            }
            _ => None,
        }));
    }
    all
}

fn limit(wire: Wire, feature: &str) -> Option<Limit> {
    match wire {
        Wire::Pyro3 => pyro3(feature),
        Wire::Pyro4(serializer) | Wire::Pyro5(serializer) => pyro(serializer, feature),
        Wire::XmlRpc(_) => xmlrpc(feature),
        Wire::Hessian(..) => hessian(feature),
    }
}

/// The same of a call within this process.
pub(crate) fn here(feature: &str) -> Option<Limit> {
    match feature {
        "panics" => Some(Limit::Panics),
        // Who waits for the call ends it by dropping it.
        "deadline" => Some(Lost("deadlines")),
        _ => None,
    }
}

fn pyro3(feature: &str) -> Option<Limit> {
    match feature {
        "correlation" => Some(Lost("correlation ids")),
        "annotations" => Some(Lost("annotations")),
        "reply_annotations" => Some(Lost("annotations of replies")),
        "deadline" => Some(Lost("deadlines")),
        _ => None,
    }
}

fn pyro(serializer: Serializer, feature: &str) -> Option<Limit> {
    match (serializer, feature) {
        (Serializer::Pickle, "cycles") => None,
        (Serializer::Marshal, "dates") => Some(Fails("marshal has no form for datetime.datetime")),
        (Serializer::Marshal, "decimals") => Some(Fails("marshal has no form for decimal.Decimal")),
        (_, "cycles") => Some(Fails("contains itself")),
        (Serializer::Json, "bytes" | "big_bytes") => Some(Fails("bytes")),
        _ => None,
    }
}

fn xmlrpc(feature: &str) -> Option<Limit> {
    match feature {
        "cycles" => Some(Fails("contains itself")),
        "maps_by_number" => Some(Fails("XML-RPC: the names of a struct's members are strings, not an integer")),
        "big_ints" => Some(Fails("XML-RPC has no form for an integer of more than 64 bits")),
        "own_exceptions" => Some(Lost("the fields of exceptions")),
        "annotations" => Some(Lost("annotations")),
        "reply_annotations" => Some(Lost("annotations of replies")),
        "get_attribute" | "set_attribute" => Some(Fails("XML-RPC has methods only")),
        _ => None,
    }
}

fn hessian(feature: &str) -> Option<Limit> {
    match feature {
        "annotations" => Some(Lost("annotations")),
        "reply_annotations" => Some(Lost("annotations of replies")),
        "get_attribute" | "set_attribute" => Some(Fails("Hessian has methods only")),
        _ => None,
    }
}
