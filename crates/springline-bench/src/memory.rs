//! `springline-bench memory`: how much more memory a server holds at the most while it reads a document of 100 MB
//! and while it writes one, in multiples of the document. The client here is a bare socket.

use crate::Result;
use crate::contestants::{Contestant, Kind, MEMORY};
use crate::process::{Launch, Process, status_kb};
use crate::records::{Record, records};
use crate::samples::Figures;
use crate::xml::elements;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::OnceLock;

/// This many different records, again and again, make the documents.
pub(crate) const BLOCK: usize = 2000;

/// So many records, of which none is kept: they are counted as they are read, and made as they are written.
pub(crate) struct Records(pub(crate) usize);

impl Serialize for Records {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        static SOME: OnceLock<Vec<Record>> = OnceLock::new();
        let some = SOME.get_or_init(|| records(BLOCK));
        serializer.collect_seq(some.iter().cycle().take(self.0))
    }
}

impl<'de> Deserialize<'de> for Records {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Counter;

        impl<'de> Visitor<'de> for Counter {
            type Value = Records;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of records")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Records, A::Error> {
                let mut count = 0;
                while let Some(record) = seq.next_element::<Record>()? {
                    black_box(record);
                    count += 1;
                }
                Ok(Records(count))
            }
        }

        deserializer.deserialize_seq(Counter)
    }
}

/// Which way the document goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// The server reads it and answers how many records it has.
    In,
    /// The server writes it.
    Out,
}

impl Way {
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::In => "reading",
            Self::Out => "writing",
        }
    }
}

/// A way of a contestant: its server, and the method that takes a document.
pub(crate) struct Case {
    pub(crate) contestant: &'static str,
    /// The method for [`Way::In`].
    pub(crate) method: &'static str,
    /// What the table calls it.
    pub(crate) about: &'static str,
}

pub(crate) fn run(launch: &Launch, only: &[String], megabytes: usize, figures: &mut Figures) -> Result<()> {
    let mut block = String::new();
    elements(&records(BLOCK), &mut block);
    let blocks = (megabytes * 1_000_000).div_ceil(block.len());
    println!("\nmemory: a server's peak beyond what it had, in multiples of an array of structs in XML");
    println!("{} records, {:.1} MB; one start each", blocks * BLOCK, (blocks * block.len()) as f64 / 1e6);
    for case in MEMORY.iter().filter(|case| only.is_empty() || only.iter().any(|name| name == case.contestant)) {
        let contestant = Contestant::named(case.contestant)?;
        if matches!(contestant.kind, Kind::PyXmlrpc) {
            crate::peers::python()?;
        }
        for way in [Way::In, Way::Out] {
            // One case that writes is enough for a contestant.
            if way == Way::Out && figures.memory.contains_key(&(way, case.contestant)) {
                continue;
            }
            eprint!("memory: {}, {}          \r", case.about, way.about());
            let mut server = launch.server(contestant)?;
            let addr = server.expect("listening")?.join(" ");
            // What the first calls set up is not what a document costs.
            for _ in 0..2 {
                transfer(&addr, &server, case.method, way, &block, 1)?;
            }
            let (before, after, document) = transfer(&addr, &server, case.method, way, &block, blocks)?;
            server.finish()?;
            let peak = (after - before) as f64 * 1024.0 / document as f64;
            println!("  {:<44}{:<10}{peak:>8.2}", case.about, way.about());
            // The first case is the one that counts: what a method keeps is its own.
            figures.memory.entry((way, case.contestant)).or_insert(peak);
        }
    }
    Ok(())
}

/// The greatest resident memory before and after a call in KB, and the bytes of the big document in it.
fn transfer(
    addr: &str,
    server: &Process,
    method: &str,
    way: Way,
    block: &str,
    blocks: usize,
) -> Result<(u64, u64, u64)> {
    let before = status_kb(server.id(), "VmHWM:")?;
    let mut stream = TcpStream::connect(addr)?;
    let (head, times, tail) = match way {
        Way::In => ("<value><array><data>".to_owned(), blocks, "</data></array></value>"),
        Way::Out => (format!("<value><int>{}</int></value>", blocks * BLOCK), 0, ""),
    };
    let name = if way == Way::In { method } else { "records" };
    let head = format!("<?xml version='1.0'?>\n<methodCall><methodName>{name}</methodName><params><param>{head}");
    let tail = format!("{tail}</param></params></methodCall>");
    let length = head.len() + block.len() * times + tail.len();
    write!(
        stream,
        "POST /RPC2 HTTP/1.1\r\nHost: {addr}\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{head}"
    )?;
    for _ in 0..times {
        stream.write_all(block.as_bytes())?;
    }
    stream.write_all(tail.as_bytes())?;
    let (start, received, end) = drain(&mut stream)?;
    let after = status_kb(server.id(), "VmHWM:")?;
    let start = String::from_utf8_lossy(&start);
    let ok = start.contains(" 200 ") && start.contains("<methodResponse>") && !start.contains("<fault>");
    if !ok || !String::from_utf8_lossy(&end).contains("</methodResponse>") {
        return Err(format!("{method}: not a result: {start:.600}").into());
    }
    if way == Way::In && !start.contains(&format!(">{}</", blocks * BLOCK)) {
        return Err(format!("{method} did not count {} records: {start:.600}", blocks * BLOCK).into());
    }
    Ok((before, after, if way == Way::In { length as u64 } else { received }))
}

/// The first and the last bytes of what comes, and how many come.
fn drain(stream: &mut TcpStream) -> Result<(Vec<u8>, u64, Vec<u8>)> {
    let (mut start, mut end, mut received) = (Vec::new(), Vec::new(), 0);
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Ok((start, received, end));
        }
        received += read as u64;
        if start.len() < 1024 {
            start.extend_from_slice(&buffer[..read]);
        }
        end.extend_from_slice(&buffer[read.saturating_sub(64)..read]);
        let surplus = end.len().saturating_sub(128);
        end.drain(..surplus);
    }
}
