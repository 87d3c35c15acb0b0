//! The Hessian columns of `springline-bench codecs`: a list of persons, as Caucho's Java library writes it.

use crate::Result;
use crate::codecs::{Column, Op};
use crate::peers::java;
use crate::process::Process;
use serde::{Deserialize, Serialize};
use springline::{Bytes, Limits, Output, de, ser};
use springline_hessian::codec::{Decoder, One, Two, write1, write2};
use springline_hessian::{Part, WriteOptions};
use std::hint::black_box;

/// A person, as a caller would own it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "peer.Person", rename_all = "camelCase")]
#[cfg_attr(feature = "peers", derive(hessian2::HessianSerialize), hessian(class = "peer.Person"))]
pub(crate) struct Person {
    #[cfg_attr(feature = "peers", hessian(rename = "firstName"))]
    first_name: String,
    #[cfg_attr(feature = "peers", hessian(rename = "lastName"))]
    last_name: String,
    age: i32,
    attributes: Vec<String>,
}

/// The same with its texts in the message it was read from.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it is read, and that is all")]
struct PersonRef<'a> {
    first_name: &'a str,
    last_name: &'a str,
    age: i32,
    #[serde(borrow)]
    attributes: Vec<&'a str>,
}

/// The persons and what they are on the wire.
pub(crate) struct Data {
    persons: Vec<Person>,
    json: Vec<u8>,
    // Ours; Java's once it was asked.
    hessian1: Bytes,
    hessian2: Bytes,
}

impl Data {
    pub(crate) fn new(count: usize) -> Self {
        let persons: Vec<Person> = (0..count)
            .map(|i| Person {
                first_name: format!("First{i}"),
                last_name: format!("Last{i}"),
                age: (i % 100) as i32,
                attributes: vec![format!("a{i}"), "b".into(), "c".into()],
            })
            .collect();
        let json = serde_json::to_vec(&persons).expect("plain data");
        let (mut one, mut two) = (Output::new(), Output::new());
        encode1(&persons, &mut one);
        encode2(&persons, &mut two);
        Self { persons, json, hessian1: one.to_vec().into(), hessian2: two.to_vec().into() }
    }
}

fn encode1(persons: &[Person], out: &mut Output) {
    out.clear();
    write1(Part::Value, out, &WriteOptions::new(), |sink| ser::to_sink(persons, sink)).expect("plain data");
}

fn encode2(persons: &[Person], out: &mut Output) {
    out.clear();
    write2(Part::Value, out, &WriteOptions::new(), |sink| ser::to_sink(persons, sink)).expect("plain data");
}

pub(crate) fn columns(data: &Data) -> Vec<Column<'_>> {
    const NAME: &str = "springline";
    let Data { persons, json, hessian1, hessian2 } = data;
    let (mut one, mut two) = (Output::new(), Output::new());
    let budget = || Limits::new().budget();
    #[cfg_attr(not(feature = "peers"), expect(unused_mut))]
    let mut columns = vec![
        Column::new(Op::Hessian1Encode, NAME, move || {
            encode1(persons, &mut one);
            black_box(&one);
        }),
        Column::new(Op::Hessian2Encode, NAME, move || {
            encode2(persons, &mut two);
            black_box(&two);
        }),
        Column::new(Op::Hessian1Decode, NAME, move || {
            let mut source = Decoder::<One>::value(hessian1, budget());
            black_box(de::from_source::<Vec<Person>, _>(&mut source).expect("persons"));
        }),
        Column::new(Op::Hessian2Decode, NAME, move || {
            let mut source = Decoder::<Two>::value(hessian2, budget());
            black_box(de::from_source::<Vec<Person>, _>(&mut source).expect("persons"));
        }),
        Column::new(Op::Hessian2Borrow, NAME, move || {
            let mut source = Decoder::<Two>::value(hessian2, budget());
            black_box(de::from_source::<Vec<PersonRef<'_>>, _>(&mut source).expect("persons"));
        }),
        Column::new(Op::Hessian2Decode, "serde_json (JSON)", || {
            black_box(serde_json::from_slice::<Vec<Person>>(json).expect("own bytes"));
        }),
    ];
    #[cfg(feature = "peers")]
    {
        // It cannot read what Java writes: a type that is named the second time is an error to it.
        let mut out = Vec::new();
        columns.push(Column::new(Op::Hessian2Encode, "hessian2", move || {
            out.clear();
            hessian2::to_writer(&mut out, &hessian2::prelude::Hessian(persons)).expect("plain data");
            black_box(&out);
        }));
    }
    columns
}

/// The same work by Java, in a process that is started once and has warmed up.
pub(crate) struct Java(Process);

impl Java {
    /// Java's bytes take the place of ours.
    pub(crate) fn start(data: &mut Data) -> Result<Self> {
        let dir = std::env::temp_dir().join(format!("springline-hessian-{}", std::process::id()));
        std::fs::create_dir_all(&dir)?;
        let mut command = java("peer.Bench")?;
        command.arg(data.persons.len().to_string()).arg(&dir);
        let mut process = Process::start("Bench.java".into(), &mut command)?;
        process.expect("ready")?;
        data.hessian1 = std::fs::read(dir.join("hessian1"))?.into();
        data.hessian2 = std::fs::read(dir.join("hessian2"))?.into();
        std::fs::remove_dir_all(&dir)?;
        Ok(Self(process))
    }

    pub(crate) fn once(&mut self, op: Op) -> Result<f64> {
        self.0.tell(op.in_java().ok_or("Java does not do that")?)?;
        Ok(self.0.expect_numbers::<1>("done")?[0] as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persons_come_back() {
        let data = Data::new(100);
        let mut source = Decoder::<Two>::value(&data.hessian2, Limits::new().budget());
        assert_eq!(de::from_source::<Vec<Person>, _>(&mut source).unwrap(), data.persons);
        let mut source = Decoder::<One>::value(&data.hessian1, Limits::new().budget());
        assert_eq!(de::from_source::<Vec<Person>, _>(&mut source).unwrap(), data.persons);
    }

    #[cfg(feature = "peers")]
    #[test]
    fn the_peer_writes_the_same() {
        let data = Data::new(100);
        let peer = hessian2::to_vec(&hessian2::prelude::Hessian(&data.persons)).unwrap();
        assert_eq!(peer, data.hessian2);
    }
}
