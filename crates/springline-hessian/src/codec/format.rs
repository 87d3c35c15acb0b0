//! [`Format`]s, so that a payload can open bytes later: one for each version, part and set of options.

use springline_core::{Budget, Bytes, Format, Reading, Result};

use super::decode::{Decoder, One, Two};
use super::{LoneSurrogates, ReadOptions, Version};

/// What of a message is read or written as one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// A value.
    Value,
    /// The arguments of a call, as a list. Hessian 2 has their count in front; in Hessian 1 they run to the `z` that
    /// ends the call, which is checked, and `message` must be the whole call if it has headers: what they hold counts
    /// among the containers that arguments may refer to.
    Arguments,
    /// A reply's result: in Hessian 1 the `z` that ends the reply has to follow it.
    Reply,
    /// A fault as a map: in Hessian 1 from the `f` on, with the `z` of the fault and that of the reply at the end.
    Fault,
}

/// Hessian as a reader of messages.
#[derive(Debug)]
pub struct HessianFormat {
    version: Version,
    part: Part,
    flags: Flags,
}

/// Those of the [`ReadOptions`] that a `static` can have for every combination; the limits come with the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flags(u8);

const REPLACE: u8 = 1;
const RAW: u8 = 1 << 1;
const MAPS: u8 = 1 << 2;
const SETS: usize = 1 << 3;
const PARTS: [Part; 4] = [Part::Value, Part::Arguments, Part::Reply, Part::Fault];
const VERSIONS: [Version; 2] = [Version::One, Version::Two];
const COUNT: usize = VERSIONS.len() * PARTS.len() * SETS;

impl Flags {
    pub(super) const NONE: Self = Self(0);

    pub(super) fn of(options: &ReadOptions) -> Self {
        let bit = |on: bool, bit: u8| if on { bit } else { 0 };
        Self(
            bit(options.lone_surrogates == LoneSurrogates::Replace, REPLACE)
                | bit(options.raw_classes, RAW)
                | bit(options.objects_as_maps, MAPS),
        )
    }

    pub(super) fn lone(self) -> LoneSurrogates {
        if self.0 & REPLACE != 0 { LoneSurrogates::Replace } else { LoneSurrogates::Refuse }
    }

    pub(super) fn raw_classes(self) -> bool {
        self.0 & RAW != 0
    }

    pub(super) fn objects_as_maps(self) -> bool {
        self.0 & MAPS != 0
    }
}

const fn formats() -> [HessianFormat; COUNT] {
    let mut formats = [const { HessianFormat { version: Version::One, part: Part::Value, flags: Flags(0) } }; COUNT];
    let mut at = 0;
    while at < COUNT {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, within the bounds")]
        {
            formats[at] = HessianFormat {
                version: VERSIONS[at / SETS / PARTS.len()],
                part: PARTS[at / SETS % PARTS.len()],
                flags: Flags((at % SETS) as u8),
            };
        }
        at += 1;
    }
    formats
}

static FORMATS: [HessianFormat; COUNT] = formats();

/// A value of Hessian 1, with the default options.
pub static HESSIAN1: HessianFormat = HessianFormat { version: Version::One, part: Part::Value, flags: Flags(0) };
/// A value of Hessian 2, with the default options.
pub static HESSIAN2: HessianFormat = HessianFormat { version: Version::Two, part: Part::Value, flags: Flags(0) };

impl HessianFormat {
    /// The format for a version, a part of its messages and options.
    #[must_use]
    pub fn of(version: Version, part: Part, options: &ReadOptions) -> &'static Self {
        let index = |all: &[Part], part| all.iter().position(|p| *p == part).unwrap_or(0);
        let place = usize::from(version == Version::Two) * PARTS.len() + index(&PARTS, part);
        let [first, ..] = &FORMATS;
        FORMATS.get(place * SETS + usize::from(Flags::of(options).0)).unwrap_or(first)
    }

    /// The version it reads.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }
}

impl Format for HessianFormat {
    fn name(&self) -> &'static str {
        match self.version {
            Version::One => "hessian1",
            Version::Two => "hessian2",
        }
    }

    fn read<'de>(&self, message: &'de Bytes, start: usize, budget: Budget, f: Reading<'_, 'de>) -> Result<()> {
        match self.version {
            Version::One => {
                let mut decoder =
                    Decoder::<One>::open(message, start, self.part, self.flags, budget)?.with_owner(message);
                f(&mut decoder)?;
                if self.part == Part::Reply { decoder.finish_reply() } else { Ok(()) }
            }
            Version::Two => {
                f(&mut Decoder::<Two>::open(message, start, self.part, self.flags, budget)?.with_owner(message))
            }
        }
    }
}

/// Reads a part of a message with these options.
pub(super) fn read<'de>(
    version: Version,
    part: Part,
    options: &ReadOptions,
    message: &'de Bytes,
    start: usize,
    budget: Budget,
    f: Reading<'_, 'de>,
) -> Result<()> {
    HessianFormat { version, part, flags: Flags::of(options) }.read(message, start, budget, f)
}
