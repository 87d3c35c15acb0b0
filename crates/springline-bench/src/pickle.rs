//! The pickle columns of `springline-bench codecs`: a list of dicts, as CPython's C pickler writes it.

use crate::Result;
use crate::codecs::{Column, Data, Op};
use crate::records::Record;
use springline::pyro::Generation;
use springline::pyro::codec::pickle::{Decoder, Encoder};
use springline::{Budget, Output, de, ser};
use std::hint::black_box;
use std::path::Path;

/// The records in CPython's protocols 2 to 5: with a memo, in batches of 1000 items, from protocol 4 on in frames.
#[derive(Default)]
pub(crate) struct Pickles([Vec<u8>; 4]);

const DECODE: [Op; 4] = [Op::Pickle2Decode, Op::Pickle3Decode, Op::Pickle4Decode, Op::Pickle5Decode];

impl Pickles {
    /// What `records.py` left in `dir`.
    pub(crate) fn read(dir: &Path) -> Result<Self> {
        let read = |protocol| std::fs::read(dir.join(format!("pickle{protocol}")));
        Ok(Self([read(2)?, read(3)?, read(4)?, read(5)?]))
    }
}

fn encode(records: &[Record], out: &mut Output) {
    out.clear();
    ser::to_sink(records, &mut Encoder::new(out, Generation::Pyro4)).expect("plain data");
}

fn decode(pickle: &[u8]) -> Vec<Record> {
    let mut source = Decoder::new(pickle, 0, Budget::default());
    de::from_source(&mut source).expect("CPython's bytes")
}

pub(crate) fn columns(data: &Data) -> Vec<Column<'_>> {
    const NAME: &str = "springline";
    let Data { records, pickles, .. } = data;
    let mut out = Output::new();
    let mut columns = vec![Column::new(Op::PickleEncode, NAME, move || {
        encode(records, &mut out);
        black_box(&out);
    })];
    #[cfg(feature = "peers")]
    {
        let mut out = Vec::new();
        columns.push(Column::new(Op::PickleEncode, "serde-pickle", move || {
            out.clear();
            peer_encode(records, &mut out);
            black_box(&out);
        }));
    }
    for (op, pickle) in DECODE.into_iter().zip(&pickles.0).filter(|(_, pickle)| !pickle.is_empty()) {
        columns.push(Column::new(op, NAME, move || {
            black_box(decode(pickle));
        }));
        #[cfg(feature = "peers")]
        columns.push(Column::new(op, "serde-pickle", move || {
            black_box(peer_decode(pickle));
        }));
    }
    columns
}

#[cfg(feature = "peers")]
fn peer_encode(records: &[Record], out: &mut Vec<u8>) {
    serde_pickle::to_writer(out, &records, serde_pickle::SerOptions::new().proto_v2()).expect("plain data");
}

#[cfg(feature = "peers")]
fn peer_decode(pickle: &[u8]) -> Vec<Record> {
    serde_pickle::from_slice(pickle, serde_pickle::DeOptions::new()).expect("CPython's bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::records;

    #[test]
    fn records_come_back() {
        let records = records(100);
        let mut out = Output::new();
        encode(&records, &mut out);
        assert_eq!(decode(&out.to_vec()), records);
        #[cfg(feature = "peers")]
        {
            assert_eq!(peer_decode(&out.to_vec()), records);
            let mut peer = Vec::new();
            peer_encode(&records, &mut peer);
            assert_eq!(decode(&peer), records);
        }
    }
}
