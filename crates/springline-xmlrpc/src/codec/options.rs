//! What the codec reads beyond the letter of the specification, and which of the possible forms it writes.

use springline_core::Limits;

use super::Encoding;

/// What the reader accepts. The default reads what every peer in use sends and nothing that is ambiguous.
///
/// Always read, whatever the options: `int` and `i4` with blanks around and a `+`, up to 64 bits; `i1 i2 i8 float
/// biginteger bigdecimal nil` with and without the Apache namespace; values without a type element as text; dates with
/// or without hyphens, colons, fractions and offsets; base64 with blanks in it; empty elements in short form; comments
/// and processing instructions anywhere; a member's value before its name.
///
/// ```
/// use springline_xmlrpc::ReadOptions;
///
/// let mut options = ReadOptions::new();
/// options.lenient_dates = true;
/// options.limits.depth = 16;
/// assert_eq!(ReadOptions::new().limits.depth, 64);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadOptions {
    /// Dates without a time and dates with a blank for the `T` are read, and a text that is no date at all (empty,
    /// `00000000T00:00:00`) comes as text. Otherwise these are errors. Off by default.
    pub lenient_dates: bool,
    /// `true` and `false` are read as truth values, as phpxmlrpc and Go do. Off by default.
    pub lenient_bools: bool,
    /// Base64 without its padding or with stray bits in the last character is read. Off by default.
    pub lenient_base64: bool,
    /// Control characters are kept in texts, raw and as references, although XML has no place for them; rTorrent and
    /// Odoo have sent them. Off by default.
    pub lenient_chars: bool,
    /// Blanks before the XML declaration are passed over; PHP servers send them. Off by default.
    pub lenient_start: bool,
    /// `int` and `i4` beyond 32 bits are errors, as the specification has it. Off by default: they are read up to 64
    /// bits, because Go's and Ruby's libraries send them.
    pub strict_ints: bool,
    /// A struct that names a member twice is an error, as in Apache ws-xmlrpc and XML-RPC.NET. Off by default: the last
    /// one counts.
    pub strict_names: bool,
    /// A DOCTYPE is an error in every form. Off by default: one that only names the root element is passed over.
    /// Entities and external identifiers are always errors.
    pub strict_doctype: bool,
    /// A response with several parameters is read as the list of them, as CPython's client does, and one without any as
    /// an empty list. Off by default: they are errors.
    pub several_results: bool,
    /// Bounds on the document. As [`Limits::new`], except for a depth of 64, which is xmlrpc-c's limit too. The list of
    /// a call's parameters is no level of its own.
    pub limits: Limits,
}

impl Default for ReadOptions {
    fn default() -> Self {
        let mut limits = Limits::new();
        limits.depth = 64;
        Self {
            lenient_dates: false,
            lenient_bools: false,
            lenient_base64: false,
            lenient_chars: false,
            lenient_start: false,
            strict_ints: false,
            strict_names: false,
            strict_doctype: false,
            several_results: false,
            limits,
        }
    }
}

impl ReadOptions {
    /// The defaults; fields can be set afterwards.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// The form of what the specification has no form for: null and integers beyond 32 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// None: both are errors before anything is sent.
    #[default]
    None,
    /// `<nil/>` and `<i8>`: CPython (with `allow_none`), xmlrpc-c, Ruby, PHP, Go, .NET.
    Plain,
    /// `<ex:nil/>` and `<ex:i8>` in the namespace of Apache ws-xmlrpc, which is declared where they are used.
    Apache,
}

/// What is done with NaN and the infinities, which the specification has no form for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum NonFinite {
    /// They are errors before anything is sent.
    #[default]
    Refuse,
    /// `nan`, `inf`, `-inf`: CPython, xmlrpc-c, Rust, Go.
    Python,
    /// `NaN`, `Infinity`, `-Infinity`: Java, .NET, and all that read Python's.
    Java,
}

/// How dates are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DateStyle {
    /// `19980717T14:08:55`, which everybody reads. Fractions of a second and the offset are left out, as CPython does.
    #[default]
    Basic,
    /// `1998-07-17T14:08:55`, then the fraction if there is one and the offset if it is known. CPython with
    /// `use_builtin_types`, Apache ws-xmlrpc and Ruby do not read it.
    Extended,
}

/// What the writer writes. The default is what every peer in use reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WriteOptions {
    /// Null and wide integers.
    pub dialect: Dialect,
    /// The document's encoding. Characters that it lacks are written as references.
    pub encoding: Encoding,
    /// NaN and the infinities.
    pub non_finite: NonFinite,
    /// Dates.
    pub dates: DateStyle,
    /// The name of the struct member that carries an object's class, `__class__` for example. `None`: the class is left
    /// out.
    pub class_key: Option<&'static str>,
}

impl WriteOptions {
    /// The defaults; fields can be set afterwards.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With null as `<nil/>` and wide integers as `<i8>`, what other libraries call `allow_none`.
    #[must_use]
    pub fn allow_none(mut self) -> Self {
        self.dialect = Dialect::Plain;
        self
    }
}
