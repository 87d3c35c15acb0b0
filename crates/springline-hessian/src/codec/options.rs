//! What the codec reads and writes beyond the letter of the protocol.

use springline_core::Limits;

/// The two protocols. They share nothing on the wire but their texts and a few codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// Hessian 1.0.
    One,
    /// Hessian 2.0 as Caucho 3.2.1 and later write it; not the draft of 3.1.
    Two,
}

/// What is done with a UTF-16 surrogate that has no partner. Java's strings may hold one, Rust's cannot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LoneSurrogates {
    /// An error that names the offset.
    #[default]
    Refuse,
    /// U+FFFD stands in its place.
    Replace,
}

/// How `java.time` travels, which plain Hessian has no form for: it overflows Java's stack there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum JavaTime {
    /// Not at all: a bare date and a bare time are errors, and a date with a time but no offset is taken as UTC and
    /// written as a `java.util.Date`.
    #[default]
    None,
    /// As Apache's dubbo-hessian-lite has it: `com.alibaba.com.caucho.hessian.io.java8.LocalDateHandle` and others.
    Dubbo,
    /// As sofa-hessian has it: `com.caucho.hessian.io.java8.LocalDateHandle` and others.
    Sofa,
}

/// What the reader makes of what it reads. The default is what programs want that do not know Java.
///
/// ```
/// let mut options = springline_hessian::ReadOptions::new();
/// options.limits.depth = 16;
/// options.lone_surrogates = springline_hessian::LoneSurrogates::Replace;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadOptions {
    /// Surrogates without a partner in texts.
    pub lone_surrogates: LoneSurrogates,
    /// Objects of the classes that stand for a plain value (`java.math.BigDecimal`, `ByteHandle`, `java.sql.Timestamp`
    /// and others, see the [module](crate::codec)) come as objects with their fields, as they lie on the wire, so that
    /// they can be written again byte for byte. Off by default.
    pub raw_classes: bool,
    /// Other objects come as maps of their fields, without the class. Off by default.
    pub objects_as_maps: bool,
    /// Bounds on the message. As [`Limits::new`].
    pub limits: Limits,
}

impl ReadOptions {
    /// The defaults; fields can be set afterwards.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// What the writer writes. The default is what Caucho's Java library reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WriteOptions {
    /// Dates without a time or an offset, and times without a date.
    pub java_time: JavaTime,
}

impl WriteOptions {
    /// The defaults; fields can be set afterwards.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}
