//! Large documents need no second copy of themselves, read or written.

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use springline_core::payload::Typed;
use springline_core::{Bytes, Payload};
use springline_xmlrpc::{ReadOptions, WriteOptions, parse_call, parse_response, write_response};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

// Adds up a list without keeping it.
#[derive(Debug, PartialEq)]
struct Sum(i64, usize);

impl<'de> Deserialize<'de> for Sum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Adding;
        impl<'de> Visitor<'de> for Adding {
            type Value = Sum;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of numbers")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Sum, A::Error> {
                let mut sum = Sum(0, 0);
                while let Some(v) = items.next_element::<i64>()? {
                    sum = Sum(sum.0 + v, sum.1 + 1);
                }
                Ok(sum)
            }
        }
        deserializer.deserialize_seq(Adding)
    }
}

// One test, because the counts are those of the whole program.
#[test]
fn large_arrays_and_blobs_are_held_once() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let numbers: Vec<i32> = (0..200_000).collect();
    let mut out = Vec::with_capacity(10_000_000);
    let before = dhat::HeapStats::get();
    write_response(&mut out, &Payload::borrowed(&Typed(&numbers)), &WriteOptions::new()).unwrap();
    assert!(out.len() > 6_000_000 && out.capacity() == 10_000_000);
    let after = dhat::HeapStats::get();
    let written = after.total_bytes - before.total_bytes;
    assert!(written < 4096, "{written} bytes were allocated for writing {}", out.len());

    let length = out.len();
    let body = Bytes::from(out);
    let before = dhat::HeapStats::get();
    let result = parse_response(body, None, &ReadOptions::new()).unwrap().unwrap();
    let sum: Sum = result.decode().unwrap();
    assert_eq!(sum, Sum(200_000 * 199_999 / 2, 200_000));
    let read = dhat::HeapStats::get().total_bytes - before.total_bytes;
    assert!(read < 4096, "{read} bytes were allocated for reading {length}");

    // With carriage returns: changed in the buffer that came in.
    let text = "<methodCall><methodName>m</methodName><params><param><value>".to_owned()
        + &"line of text\r\n".repeat(300_000)
        + "</value></param></params></methodCall>";
    let length = text.len();
    let body = Bytes::from(text);
    let before = dhat::HeapStats::get();
    let call = parse_call(body, None, &ReadOptions::new()).unwrap();
    let (text,): (&str,) = call.args.view().unwrap();
    assert_eq!(text.len(), 300_000 * 13);
    let read = dhat::HeapStats::get().total_bytes - before.total_bytes;
    assert!(read < 4096, "{read} bytes were allocated for reading {length}");

    // A blob in lines is decoded once, and given away without a copy.
    let text = "<methodCall><methodName>m</methodName><params><param><value><base64>".to_owned()
        + &("QUJD".repeat(19) + "\n").repeat(50_000)
        + "</base64></value></param></params></methodCall>";
    let length = text.len();
    let blob = 50_000 * 57;
    let body = Bytes::from(text);
    let before = dhat::HeapStats::get();
    let call = parse_call(body, None, &ReadOptions::new()).unwrap();
    let value = call.args.into_value().unwrap();
    assert_eq!(value.get(0).unwrap().as_bytes().unwrap().len(), blob);
    let read = dhat::HeapStats::get().total_bytes - before.total_bytes;
    assert!((read as usize) < blob + blob / 20, "{read} bytes were allocated for a blob of {blob} in {length}");
}
