//! Writing a whole value, with another attempt where Hessian 2 needs one.

use springline_core::{Output, Result, Sink};

use super::shapes::attempts;
use super::{Encoder1, Encoder2, Part, Version, WriteOptions};

/// Appends what `f` writes, which is one value, to `out`: a value, the arguments of a call (a list; Hessian 2 has their
/// count in front) or a fault's map (Hessian 1 has `f` .. `z` around it).
///
/// `f` may be called more than once and must write the same each time; see [`Encoder2`]. On an error `out` is as it was.
pub fn write(
    version: Version,
    part: Part,
    out: &mut Output,
    options: &WriteOptions,
    f: &mut dyn FnMut(&mut dyn Sink) -> Result<()>,
) -> Result<()> {
    match version {
        Version::One => write1(part, out, options, |sink| f(sink)),
        Version::Two => write2(part, out, options, |sink| f(sink)),
    }
}

/// The same for Hessian 1, where the types are known.
pub fn write1(
    part: Part,
    out: &mut Output,
    options: &WriteOptions,
    f: impl FnOnce(&mut Encoder1<'_>) -> Result<()>,
) -> Result<()> {
    let (len, blobs) = (out.buf.len(), out.blobs().len());
    let mut encoder = Encoder1::new(out, part, options);
    let result = f(&mut encoder).and_then(|()| encoder.finish());
    result.inspect_err(|_| out.truncate(len, blobs))
}

/// The same for Hessian 2, where the types are known.
pub fn write2(
    part: Part,
    out: &mut Output,
    options: &WriteOptions,
    mut f: impl FnMut(&mut Encoder2<'_>) -> Result<()>,
) -> Result<()> {
    let (len, blobs) = (out.buf.len(), out.blobs().len());
    attempts(|maps| {
        let mut encoder = Encoder2::new(out, part, options).with_maps(maps);
        let result = f(&mut encoder).and_then(|()| encoder.finish());
        let given_up = encoder.given_up().map(str::to_owned);
        if result.is_err() {
            out.truncate(len, blobs);
        }
        (result, given_up)
    })
}
