//! What Springline has to reach. Every ratio is the median over rounds, of CPU time for a call with
//! both processes on one core.

use crate::allocations::CALLERS_OWN;
use crate::codecs::Op;
use crate::load::Pin;
use crate::load::Workload::{self, Blob1m, Conn16, Handshake, Hessian, Mux64, Pyro3, Seq, Xml, Xmltls};
use crate::memory::Way;
use crate::samples::{Figures, median};

const US: &str = "springline";
const SERPENT: &str = "springline_serpent";
const PYRO3: &str = "springline_pyro3";
const XMLRPC: &str = "springline_xmlrpc";
const XMLTLS: &str = "springline_xmltls";
const HESSIAN: &str = "springline_hessian";
const TLS: &str = "springline_tls";

enum What {
    /// Times less CPU than the other.
    Cpu(Workload, &'static str, &'static str),
    /// Times less time than the other.
    Codec(Op, &'static str),
    /// Of both ends together.
    Instructions,
    /// Beyond the caller's own, at the side that has more.
    Allocations,
    /// KB.
    Idle,
    /// Multiples of the document.
    Memory(Way),
}

enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

use Bound::{AtLeast, AtMost};

const DEMANDS: &[(What, Bound)] = &[
    (What::Cpu(Seq, US, "raw"), AtLeast(0.90)),
    (What::Cpu(Seq, US, "tarpc"), AtLeast(1.25)),
    (What::Cpu(Seq, US, "tonic"), AtLeast(2.3)),
    (What::Cpu(Seq, US, "pyro5_msgpack"), AtLeast(2.2)),
    (What::Cpu(Seq, SERPENT, "raw"), AtLeast(0.80)),
    (What::Cpu(Seq, SERPENT, "pyro5_serpent"), AtLeast(3.5)),
    (What::Cpu(Mux64, US, "pipe"), AtLeast(0.60)),
    // What to reach for, beyond the demand above.
    (What::Cpu(Mux64, US, "pipe"), AtLeast(0.85)),
    (What::Cpu(Mux64, US, "tarpc"), AtLeast(3.5)),
    (What::Cpu(Mux64, US, "tonic"), AtLeast(15.0)),
    (What::Cpu(Conn16, US, "raw"), AtLeast(0.90)),
    (What::Cpu(Conn16, US, "tarpc"), AtLeast(1.4)),
    (What::Cpu(Blob1m, US, "raw"), AtLeast(0.90)),
    (What::Cpu(Blob1m, US, "tarpc"), AtLeast(4.0)),
    (What::Cpu(Pyro3, PYRO3, "raw_pyro3"), AtLeast(0.85)),
    (What::Cpu(Pyro3, PYRO3, "py_pyro3"), AtLeast(2.0)),
    (What::Instructions, AtMost(15_000.0)),
    (What::Allocations, AtMost(2.0)),
    (What::Codec(Op::MsgpackDecode, "rmp-serde"), AtLeast(1.0)),
    (What::Codec(Op::MsgpackBorrow, "rmp-serde"), AtLeast(1.0)),
    (What::Codec(Op::MsgpackEncode, "rmp-serde"), AtLeast(1.0 / 1.2)),
    (What::Codec(Op::SerpentDecode, "cpython"), AtLeast(20.0)),
    (What::Codec(Op::Pickle2Decode, "cpython"), AtLeast(1.0)),
    (What::Codec(Op::Pickle3Decode, "cpython"), AtLeast(1.0)),
    (What::Codec(Op::Pickle4Decode, "cpython"), AtLeast(1.0)),
    (What::Codec(Op::Pickle5Decode, "cpython"), AtLeast(1.0)),
    (What::Codec(Op::PickleEncode, "serde-pickle"), AtLeast(1.0 / 1.5)),
    (What::Codec(Op::PickleEncode, "cpython"), AtLeast(6.0)),
    (What::Idle, AtMost(3.0)),
    (What::Cpu(Xml, XMLRPC, "hyper"), AtLeast(1.0 / 1.3)),
    (What::Cpu(Xml, XMLRPC, "dxr"), AtLeast(1.3)),
    (What::Cpu(Xml, XMLRPC, "py_xmlrpc"), AtLeast(6.0)),
    (What::Cpu(Xmltls, XMLTLS, "hyper_tls"), AtLeast(1.0 / 1.15)),
    (What::Cpu(Hessian, HESSIAN, "hyper_hessian"), AtLeast(1.0 / 1.3)),
    (What::Cpu(Hessian, HESSIAN, "java_hessian"), AtLeast(2.0)),
    (What::Cpu(Handshake, TLS, "rustls"), AtLeast(0.9)),
    (What::Codec(Op::XmlValue, "quick-xml events"), AtLeast(1.0 / 2.0)),
    (What::Codec(Op::XmlTyped, "quick-xml events"), AtLeast(1.0 / 1.5)),
    (What::Codec(Op::XmlEncode, crate::xml::SERDE_XMLRPC_TREE), AtLeast(1.0)),
    (What::Codec(Op::Hessian2Encode, "java"), AtLeast(1.5)),
    (What::Codec(Op::Hessian2Encode, "hessian2"), AtLeast(1.0)),
    (What::Codec(Op::Hessian2Borrow, "java"), AtLeast(1.0)),
    (What::Codec(Op::Hessian2Decode, "serde_json (JSON)"), AtLeast(1.0)),
    (What::Codec(Op::Hessian1Encode, "java"), AtLeast(8.0)),
    (What::Codec(Op::Hessian1Decode, "java"), AtLeast(8.0)),
    // No second copy of the document, whichever way it goes.
    (What::Memory(Way::In), AtMost(2.0)),
    (What::Memory(Way::Out), AtMost(2.0)),
];

impl What {
    fn describe(&self) -> String {
        match self {
            Self::Cpu(workload, name, base) => format!("{workload}: {name} to {base}"),
            Self::Codec(op, base) => format!("{}: {US} to {base}", op.name()),
            Self::Instructions => "instructions of a call, both ends".into(),
            Self::Allocations => "allocations of a call, the worse side".into(),
            Self::Idle => "KB for an idle connection".into(),
            Self::Memory(way) => format!("{} 100 MB of XML, in documents", way.about()),
        }
    }

    fn measured(&self, figures: &Figures) -> Option<f64> {
        match *self {
            Self::Cpu(workload, name, base) => median(&figures.cpu_ratios(workload, Pin::Same, name, base)),
            Self::Codec(op, base) => median(&figures.codec_ratios(op, US, base)),
            Self::Instructions => figures.instructions.get(US).map(|(c, s)| c + s),
            Self::Allocations => figures.allocations.get(US).map(|(c, s)| c.max(*s) - CALLERS_OWN),
            Self::Idle => figures.idle.get(US).copied(),
            Self::Memory(way) => figures.memory.get(&(way, XMLRPC)).copied(),
        }
    }
}

impl Bound {
    fn describe(&self) -> String {
        match self {
            AtLeast(bound) => format!(">= {bound:.2}"),
            AtMost(bound) => format!("<= {bound:.0}"),
        }
    }

    fn judge(&self, measured: f64) -> String {
        let (reached, off) = match self {
            AtLeast(bound) => (measured >= *bound, measured / bound - 1.0),
            AtMost(bound) => (measured <= *bound, measured / bound - 1.0),
        };
        let verdict = if reached { "reached" } else { "MISSED" };
        format!("{verdict} by {:.0} %", off.abs() * 100.0)
    }
}

/// Prints each demand with what was measured of it.
pub(crate) fn print(figures: &Figures) {
    println!("\nDemands");
    println!("  {:<50}{:>12}{:>12}", "", "demanded", "measured");
    for (what, bound) in DEMANDS {
        let (measured, verdict) = match what.measured(figures) {
            Some(measured) => (format!("{measured:.2}"), bound.judge(measured)),
            None => ("-".into(), "not measured in this run".into()),
        };
        println!("  {:<50}{:>12}{measured:>12}  {verdict}", what.describe(), bound.describe());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts() {
        assert_eq!(AtLeast(0.9).judge(0.99), "reached by 10 %");
        assert_eq!(AtLeast(2.0).judge(1.0), "MISSED by 50 %");
        assert_eq!(AtMost(15_000.0).judge(12_000.0), "reached by 20 %");
        assert_eq!(AtMost(2.0).judge(3.0), "MISSED by 50 %");
    }

    #[test]
    fn nothing_is_made_up() {
        let figures = Figures::default();
        assert!(DEMANDS.iter().all(|(what, _)| what.measured(&figures).is_none()));
    }
}
