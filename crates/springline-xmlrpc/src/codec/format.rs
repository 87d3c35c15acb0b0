//! [`Format`]s, so that a payload can open a document later: one for each set of options and each kind of document.

use springline_core::{Budget, Bytes, Format, Reading, Result};

use super::ReadOptions;
use super::decode::XmlSource;
use super::problem::placed;

/// What of a document is read as one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A call's parameters, as a list.
    Params,
    /// A response's one result.
    Result,
    /// A response's parameters, as a list.
    Results,
    /// The value of a fault.
    Fault,
}

/// Those of the [`ReadOptions`] that matter after a document's beginning was read, in a form that a `static` can have
/// for every combination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flags(u16);

const DATES: u16 = 1;
const BOOLS: u16 = 1 << 1;
const BASE64: u16 = 1 << 2;
const CHARS: u16 = 1 << 3;
const INTS: u16 = 1 << 4;
const NAMES: u16 = 1 << 5;
const COUNT: usize = 1 << 6;

impl Flags {
    pub(crate) fn of(options: &ReadOptions) -> Self {
        let bit = |on: bool, bit: u16| if on { bit } else { 0 };
        Self(
            bit(options.lenient_dates, DATES)
                | bit(options.lenient_bools, BOOLS)
                | bit(options.lenient_base64, BASE64)
                | bit(options.lenient_chars, CHARS)
                | bit(options.strict_ints, INTS)
                | bit(options.strict_names, NAMES),
        )
    }

    pub(super) fn lenient_dates(self) -> bool {
        self.0 & DATES != 0
    }

    pub(super) fn lenient_bools(self) -> bool {
        self.0 & BOOLS != 0
    }

    pub(super) fn lenient_base64(self) -> bool {
        self.0 & BASE64 != 0
    }

    pub(super) fn lenient_chars(self) -> bool {
        self.0 & CHARS != 0
    }

    pub(super) fn strict_ints(self) -> bool {
        self.0 & INTS != 0
    }

    pub(super) fn strict_names(self) -> bool {
        self.0 & NAMES != 0
    }
}

/// XML-RPC as a reader of messages. The message is UTF-8 as `encoding.rs` leaves it.
#[derive(Debug)]
pub(crate) struct XmlFormat {
    part: Part,
    flags: Flags,
}

const fn formats(part: Part) -> [XmlFormat; COUNT] {
    let mut formats = [const { XmlFormat { part: Part::Params, flags: Flags(0) } }; COUNT];
    let mut at = 0;
    while at < COUNT {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, within the bound of the loop")]
        {
            formats[at] = XmlFormat { part, flags: Flags(at as u16) };
        }
        at += 1;
    }
    formats
}

static PARAMS: [XmlFormat; COUNT] = formats(Part::Params);
static RESULT: [XmlFormat; COUNT] = formats(Part::Result);
static RESULTS: [XmlFormat; COUNT] = formats(Part::Results);
static FAULT: [XmlFormat; COUNT] = formats(Part::Fault);

impl XmlFormat {
    pub(crate) fn of(part: Part, flags: Flags) -> &'static Self {
        let formats = match part {
            Part::Params => &PARAMS,
            Part::Result => &RESULT,
            Part::Results => &RESULTS,
            Part::Fault => &FAULT,
        };
        let [first, ..] = formats;
        formats.get(usize::from(flags.0)).unwrap_or(first)
    }
}

impl Format for XmlFormat {
    fn name(&self) -> &'static str {
        "xmlrpc"
    }

    // A document holds one value that is opened from outside: `start` is where it is as `decode::head` has found it.
    fn read<'de>(&self, message: &'de Bytes, start: usize, budget: Budget, f: Reading<'_, 'de>) -> Result<()> {
        match XmlSource::open(message, start, self.part, self.flags, budget) {
            Ok(mut source) => f(&mut source),
            Err(e) => Err(e),
        }
        .map_err(|e| placed(e, message))
    }
}
