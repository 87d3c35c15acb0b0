//! The serializers, as codecs that never await: each an `Encoder` ([`Sink`](springline_core::Sink)), a `Decoder`
//! ([`Source`](springline_core::Source)) and a `FORMAT` that opens messages later.

mod float;
pub mod json;
pub mod marshal;
pub mod msgpack;
pub mod pickle;
pub mod serpent;
mod stack;
