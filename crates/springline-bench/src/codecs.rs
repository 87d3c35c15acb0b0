//! `springline-bench codecs`: encoders and decoders side by side, in interleaved rounds. The
//! criterion bench runs the same columns.

use crate::Result;
use crate::control::thread_cpu_ns;
use crate::hessian;
use crate::peers::{python, script};
use crate::pickle;
use crate::process::Process;
use crate::records::{Record, RecordRef, records};
use crate::samples::{Figures, median, range};
use crate::xml;
use std::hint::black_box;
use std::process::Command;

/// What a column does with all records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// Writes MessagePack into a buffer that is kept.
    MsgpackEncode,
    /// Reads MessagePack into records that own their texts.
    MsgpackDecode,
    /// Reads MessagePack into records that borrow their texts.
    MsgpackBorrow,
    /// Writes serpent's Python literals.
    SerpentEncode,
    /// Reads serpent's Python literals into records that own their texts.
    SerpentDecode,
    /// Writes a pickle of protocol 2.
    PickleEncode,
    /// Reads CPython's pickle of protocol 2 into records that own their texts.
    Pickle2Decode,
    /// The same of protocol 3.
    Pickle3Decode,
    /// The same of protocol 4.
    Pickle4Decode,
    /// The same of protocol 5.
    Pickle5Decode,
    /// Reads an XML-RPC response into a tree of values.
    XmlValue,
    /// Reads an XML-RPC response into records that own their texts.
    XmlTyped,
    /// Writes an XML-RPC response.
    XmlEncode,
    /// Writes persons in Hessian 1.
    Hessian1Encode,
    /// Reads persons in Hessian 1, as Java writes them, that own their texts.
    Hessian1Decode,
    /// Writes persons in Hessian 2.
    Hessian2Encode,
    /// Reads persons in Hessian 2, as Java writes them, that own their texts.
    Hessian2Decode,
    /// Reads persons in Hessian 2, as Java writes them, that borrow their texts.
    Hessian2Borrow,
}

impl Op {
    const ALL: [Self; 18] = [
        Self::MsgpackEncode,
        Self::MsgpackDecode,
        Self::MsgpackBorrow,
        Self::SerpentEncode,
        Self::SerpentDecode,
        Self::PickleEncode,
        Self::Pickle2Decode,
        Self::Pickle3Decode,
        Self::Pickle4Decode,
        Self::Pickle5Decode,
        Self::XmlValue,
        Self::XmlTyped,
        Self::XmlEncode,
        Self::Hessian1Encode,
        Self::Hessian1Decode,
        Self::Hessian2Encode,
        Self::Hessian2Decode,
        Self::Hessian2Borrow,
    ];

    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::MsgpackEncode => "msgpack-encode",
            Self::MsgpackDecode => "msgpack-decode",
            Self::MsgpackBorrow => "msgpack-decode-borrowed",
            Self::SerpentEncode => "serpent-encode",
            Self::SerpentDecode => "serpent-decode",
            Self::PickleEncode => "pickle-encode",
            Self::Pickle2Decode => "pickle2-decode",
            Self::Pickle3Decode => "pickle3-decode",
            Self::Pickle4Decode => "pickle4-decode",
            Self::Pickle5Decode => "pickle5-decode",
            Self::XmlValue => "xml-decode-value",
            Self::XmlTyped => "xml-decode-typed",
            Self::XmlEncode => "xml-encode",
            Self::Hessian1Encode => "hessian1-encode",
            Self::Hessian1Decode => "hessian1-decode",
            Self::Hessian2Encode => "hessian2-encode",
            Self::Hessian2Decode => "hessian2-decode",
            Self::Hessian2Borrow => "hessian2-decode-borrowed",
        }
    }

    /// The column that the others are compared with.
    fn base(self) -> &'static str {
        match self {
            Self::MsgpackEncode | Self::MsgpackDecode | Self::MsgpackBorrow => "rmp-serde",
            Self::SerpentEncode
            | Self::SerpentDecode
            | Self::PickleEncode
            | Self::Pickle2Decode
            | Self::Pickle3Decode
            | Self::Pickle4Decode
            | Self::Pickle5Decode => "cpython",
            Self::XmlValue | Self::XmlTyped => "quick-xml events",
            // Without the peers there is nobody to compare with but Python.
            Self::XmlEncode => {
                if cfg!(feature = "peers") {
                    xml::SERDE_XMLRPC_TREE
                } else {
                    "cpython"
                }
            }
            Self::Hessian1Encode
            | Self::Hessian1Decode
            | Self::Hessian2Encode
            | Self::Hessian2Decode
            | Self::Hessian2Borrow => "java",
        }
    }

    /// How many of `count` records it works on. XML has ten times the bytes of MessagePack: a fifth, 1 MB of 10,000.
    pub fn records(self, count: usize) -> usize {
        match self {
            Self::XmlValue | Self::XmlTyped | Self::XmlEncode => count.div_ceil(5),
            _ => count,
        }
    }

    /// Whether CPython has a way of its own to do it.
    fn in_python(self) -> bool {
        !matches!(self, Self::MsgpackBorrow | Self::XmlTyped) && self.in_java().is_none()
    }

    /// What Java calls it, where it does it.
    pub(crate) fn in_java(self) -> Option<&'static str> {
        match self {
            Self::Hessian2Borrow => Some(Self::Hessian2Decode.name()),
            Self::Hessian1Encode | Self::Hessian1Decode | Self::Hessian2Encode | Self::Hessian2Decode => {
                Some(self.name())
            }
            _ => None,
        }
    }
}

/// The records and what they are on the wire.
pub struct Data {
    /// What encoders write.
    pub records: Vec<Record>,
    /// What MessagePack decoders read: maps with field names.
    pub msgpack: Vec<u8>,
    /// What serpent decoders read, written by Python's serpent; empty where no Python was asked.
    pub serpent: Vec<u8>,
    /// What XML-RPC decoders read: a response with [`Data::xml_records`].
    pub xml: String,
    /// What pickle decoders read, written by CPython; empty where no Python was asked.
    pub(crate) pickles: pickle::Pickles,
    json: Vec<u8>,
    hessian: hessian::Data,
}

impl Data {
    /// `count` records.
    pub fn new(count: usize) -> Self {
        let records = records(count);
        let msgpack = rmp_serde::to_vec_named(&records).expect("records are plain data");
        let json = serde_json::to_vec(&records).expect("records are plain data");
        let xml = xml::response(&records[..Op::XmlEncode.records(count)]);
        Self {
            records,
            msgpack,
            serpent: Vec::new(),
            xml,
            pickles: pickle::Pickles::default(),
            json,
            hessian: hessian::Data::new(count),
        }
    }

    /// The records that XML-RPC has to do with.
    pub fn xml_records(&self) -> &[Record] {
        &self.records[..Op::XmlEncode.records(self.records.len())]
    }
}

/// One codec doing one thing.
pub struct Column<'a> {
    /// What it does.
    pub op: Op,
    /// Who does it.
    pub name: &'static str,
    /// Does it once with all records.
    pub run: Box<dyn FnMut() + 'a>,
    /// What is done before each run and is not measured.
    prepare: Option<Box<dyn FnMut() + 'a>>,
}

impl<'a> Column<'a> {
    pub(crate) fn new(op: Op, name: &'static str, run: impl FnMut() + 'a) -> Self {
        Self { op, name, run: Box::new(run), prepare: None }
    }

    #[cfg(feature = "peers")]
    pub(crate) fn prepared(self, prepare: impl FnMut() + 'a) -> Self {
        Self { prepare: Some(Box::new(prepare)), ..self }
    }
}

/// All columns that run in this process.
pub fn columns(data: &Data) -> Vec<Column<'_>> {
    let mut columns = baselines(data);
    columns.extend(crate::contestants::springline::columns(data));
    columns.extend(crate::contestants::xmlrpc::columns(data));
    columns.extend(pickle::columns(data));
    columns.extend(xml::columns(data));
    columns.extend(hessian::columns(&data.hessian));
    columns.sort_by_key(|column| column.op);
    columns
}

fn baselines(data: &Data) -> Vec<Column<'_>> {
    let mut rmp_out = Vec::new();
    let mut json_out = Vec::new();
    let Data { records, msgpack, json, .. } = data;
    vec![
        Column::new(Op::MsgpackEncode, "rmp-serde", move || {
            rmp_out.clear();
            rmp_serde::encode::write_named(&mut rmp_out, records).expect("plain data");
            black_box(&rmp_out);
        }),
        Column::new(Op::MsgpackEncode, "serde_json (JSON)", move || {
            json_out.clear();
            serde_json::to_writer(&mut json_out, records).expect("plain data");
            black_box(&json_out);
        }),
        Column::new(Op::MsgpackDecode, "rmp-serde", || {
            black_box(rmp_serde::from_slice::<Vec<Record>>(msgpack).expect("own bytes"));
        }),
        Column::new(Op::MsgpackDecode, "serde_json (JSON)", || {
            black_box(serde_json::from_slice::<Vec<Record>>(json).expect("own bytes"));
        }),
        Column::new(Op::MsgpackBorrow, "rmp-serde", || {
            black_box(rmp_serde::from_slice::<Vec<RecordRef<'_>>>(msgpack).expect("own bytes"));
        }),
        Column::new(Op::MsgpackBorrow, "serde_json (JSON)", || {
            black_box(serde_json::from_slice::<Vec<RecordRef<'_>>>(json).expect("own bytes"));
        }),
    ]
}

/// glibc gives big blocks back to the system and faults them in again, which moves list decoding by
/// half: with these set, decoders are compared and not the allocator.
const TUNABLES: &str = "glibc.malloc.mmap_threshold=1073741824:glibc.malloc.trim_threshold=1073741824";

/// Tells a process that the tunables are ours: servers and clients must not inherit them.
pub(crate) const TAMED: &str = "SPRINGLINE_BENCH_TAMED";

/// Runs this command again with the allocator tamed; `false` if it already is.
pub(crate) fn rerun_tamed() -> Result<bool> {
    if std::env::var_os(TAMED).is_some() {
        return Ok(false);
    }
    let status = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env("GLIBC_TUNABLES", TUNABLES)
        .env(TAMED, "1")
        .status()?;
    if status.success() { Ok(true) } else { Err("the codecs did not run to their end".into()) }
}

/// Times the columns whose operations begin with one of `only`, or all.
pub(crate) fn run(count: usize, rounds: usize, only: &[String], figures: &mut Figures) -> Result<()> {
    let mut data = Data::new(count);
    let mut cpython = Cpython::start(&mut data)?;
    let mut java = hessian::Java::start(&mut data.hessian)?;
    let mut columns = columns(&data);
    let wanted = |op: Op| only.is_empty() || only.iter().any(|start| op.name().starts_with(start.as_str()));
    for round in 0..=rounds {
        eprint!("codecs: round {round} of {rounds}   \r");
        for op in Op::ALL.into_iter().filter(|op| wanted(*op)) {
            let mut times = Vec::new();
            for column in columns.iter_mut().filter(|column| column.op == op) {
                times.push((column.name, once(column)));
            }
            if op.in_python() {
                times.push(("cpython", cpython.once(op)?));
            }
            if op.in_java().is_some() {
                times.push(("java", java.once(op)?));
            }
            // The first round warms up.
            for (name, ns) in times.into_iter().filter(|_| round > 0) {
                figures.codecs.entry((op, name)).or_default().push(ns / op.records(count) as f64);
            }
        }
    }
    println!("\ncodecs, {count} records, medians of {rounds} rounds; CPU time of the thread");
    println!("xml: {} records in {:.2} MB", data.xml_records().len(), data.xml.len() as f64 / 1e6);
    println!("  {:<26}{:<20}{:>10}{:>18}{:>12}", "", "", "ratio", "(least..most)", "ns/record");
    for ((op, name), times) in &figures.codecs {
        let ratios = figures.codec_ratios(*op, name, op.base());
        let (least, most) = range(&ratios);
        println!(
            "  {:<26}{name:<20}{:>10.2}{:>18}{:>12.1}",
            op.name(),
            median(&ratios).unwrap_or(f64::NAN),
            format!("({least:.2}..{most:.2})"),
            median(times).unwrap_or(f64::NAN),
        );
    }
    Ok(())
}

/// Nanoseconds of one run, over as many runs as make a window of some 20 ms.
fn once(column: &mut Column<'_>) -> f64 {
    let mut start = thread_cpu_ns();
    let mut runs = 0;
    loop {
        if let Some(prepare) = &mut column.prepare {
            let before = thread_cpu_ns();
            prepare();
            start += thread_cpu_ns() - before;
        }
        (column.run)();
        runs += 1;
        let spent = thread_cpu_ns() - start;
        if spent >= 20_000_000 {
            return spent as f64 / f64::from(runs);
        }
    }
}

/// The same work by CPython, in a process that is started once.
struct Cpython(Process);

impl Cpython {
    fn start(data: &mut Data) -> Result<Self> {
        let dir = std::env::temp_dir().join(format!("springline-codecs-{}", std::process::id()));
        std::fs::create_dir_all(&dir)?;
        let (json, serpent, xml) = (dir.join("records.json"), dir.join("records.serpent"), dir.join("records.xml"));
        std::fs::write(&json, &data.json)?;
        std::fs::write(&xml, &data.xml)?;
        let mut command = Command::new(python()?);
        command.arg(script("records.py")).args([&json, &serpent, &xml, &dir]);
        let mut process = Process::start("records.py".into(), &mut command)?;
        process.expect("ready")?;
        data.serpent = std::fs::read(&serpent)?;
        data.pickles = pickle::Pickles::read(&dir)?;
        std::fs::remove_dir_all(&dir)?;
        Ok(Self(process))
    }

    fn once(&mut self, op: Op) -> Result<f64> {
        self.0.tell(op.name())?;
        Ok(self.0.expect_numbers::<1>("done")?[0] as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_reads_back() {
        let data = Data::new(100);
        let owned: Vec<Record> = rmp_serde::from_slice(&data.msgpack).unwrap();
        assert_eq!(owned, data.records);
        let borrowed: Vec<RecordRef<'_>> = rmp_serde::from_slice(&data.msgpack).unwrap();
        assert_eq!(borrowed[99].tags, data.records[99].tags);
        for column in &mut columns(&data) {
            (column.run)();
        }
    }
}
