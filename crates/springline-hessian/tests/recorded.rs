//! What Java wrote once: read, written again, and cut at every byte. It needs no Java.

mod support;

use std::path::Path;

use serde_json::Value as Json;
use springline_hessian::Part;
use springline_hessian::Version::{self, One, Two};
use support::java::described;
use support::{bytes, encoded, hex, raw, read, read_with};

fn check(version: Version, file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/hessian/caucho-4.0.38").join(file);
    let entries: Json = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let entries = entries.as_array().unwrap();
    assert!(entries.len() > 150, "{}", entries.len());
    for entry in entries {
        let name = entry["name"].as_str().unwrap();
        let value = described(&entry["value"]);
        let message = bytes(entry["bytes"].as_str().unwrap());
        let got = read_with(version, Part::Value, &raw(), &message).unwrap_or_else(|e| panic!("{name}: {e}"));
        let described = format!("{value:?}");
        // Java drops the sign.
        let expected = if version == Two { described.replace("F64(-0.0)", "F64(0.0)") } else { described };
        assert_eq!(format!("{got:?}"), expected, "{name}");
        // An iterator is a list without a length, and the length of a binary's chunks is the writer's choice.
        if name != "iterator" && name != "bytes_1024" {
            assert_eq!(hex(&encoded(version, &got).unwrap()), hex(&message), "{name}");
        }
        read(version, &message).unwrap_or_else(|e| panic!("{name}: {e}"));
        for end in 0..message.len() {
            assert!(read(version, &message[..end]).is_err(), "{name} cut at {end}");
        }
    }
}

#[test]
fn hessian_1_of_caucho() {
    check(One, "hessian1.json");
}

#[test]
fn hessian_2_of_caucho() {
    check(Two, "hessian2.json");
}
