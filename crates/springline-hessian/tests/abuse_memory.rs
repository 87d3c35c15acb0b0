//! Claimed lengths and counts: nothing is allocated for them.

mod support;

use springline_core::{Bytes, Format, Limits, Result, Value};
use springline_hessian::Version::{self, One, Two};
use springline_hessian::codec::HessianFormat;
use springline_hessian::{Part, ReadOptions};
use support::bytes;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

fn as_value(version: Version, message: &Bytes) -> Result<Value> {
    let mut out = Value::Null;
    HessianFormat::of(version, Part::Value, &ReadOptions::new()).read(
        message,
        0,
        Limits::new().budget(),
        &mut |source| {
            out = Value::read(source)?;
            Ok(())
        },
    )?;
    Ok(out)
}

fn passed(version: Version, message: &Bytes) -> Result<()> {
    HessianFormat::of(version, Part::Value, &ReadOptions::new()).read(
        message,
        0,
        Limits::new().budget(),
        &mut |source| source.skip(),
    )
}

/// Reads and passes over: both say the same words.
#[track_caller]
fn refused(version: Version, message: &[u8], words: &str) {
    let message = Bytes::copy_from_slice(message);
    for error in [as_value(version, &message).unwrap_err(), passed(version, &message).unwrap_err()] {
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn claimed_lengths_allocate_nothing() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let most = |f: &dyn Fn()| {
        let before = dhat::HeapStats::get().total_bytes;
        f();
        dhat::HeapStats::get().total_bytes - before
    };
    for (version, message, words) in [
        (Two, "58 49 7fffffff", "a count of 2147483647"),
        (Two, "56 0161 49 7fffffff", "a count of 2147483647"),
        (Two, "43 0161 49 7fffffff 0161", "a count of 2147483647"),
        (Two, "43 0161 49 3b9aca00 0161", "a count of 1000000000"),
        (Two, "58 49 80000000", "found -2147483648"),
        (Two, "43 0161 49 ffffffff", "found -1"),
        (Two, "53 ffff", "ends within a text"),
        (Two, "42 ffff", "expected 65535 more bytes"),
        (Two, "51 49 7fffffff", "reference to container 2147483647"),
        (Two, "4f 49 7fffffff", "class number 2147483647"),
        (Two, "70 49 7fffffff", "type number 2147483647"),
        (One, "56 6c 7fffffff", "cut short"),
        (One, "53 ffff", "ends within a text"),
        (One, "42 ffff", "expected 65535 more bytes"),
        (One, "52 ffffffff", "reference to container"),
    ] {
        let message = bytes(message);
        let used = most(&|| {
            let is_reference = matches!(message[0], b'Q' | b'R') && version == One || message[0] == b'Q';
            if is_reference {
                // Passing over a value looks at no reference.
                let error = as_value(version, &Bytes::copy_from_slice(&message));
                assert!(error.unwrap_err().to_string().contains(words));
            } else {
                refused(version, &message, words);
            }
        });
        assert!(used < 20_000, "{used} bytes for {message:x?}");
    }
    // A count that the message has bytes for is believed, but nothing is reserved for it.
    let mut message = bytes("58 49 000f4240");
    message.resize(1_000_006, 0x7f);
    let used = most(&|| refused(Two, &message, "depth"));
    assert!(used < 10_000_000, "{used} bytes");
}
