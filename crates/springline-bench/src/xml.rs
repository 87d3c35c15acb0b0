//! The XML-RPC columns of `springline-bench codecs`: an array of structs, as a response's one value.

use crate::codecs::{Column, Data, Op};
use crate::records::Record;
use quick_xml::Reader;
use quick_xml::events::Event;
use std::fmt::Write;
use std::hint::black_box;

const START: &str = "<?xml version='1.0'?>\n<methodResponse><params><param>";
/// The column that writing is compared with.
pub(crate) const SERDE_XMLRPC_TREE: &str = "serde_xmlrpc (tree)";
const END: &str = "</param></params></methodResponse>\n";

/// The response that holds `records`, as compact as Springline, serde_xmlrpc and dxr write it: no blanks.
pub(crate) fn response(records: &[Record]) -> String {
    let mut out = START.to_owned();
    out.push_str("<value><array><data>");
    elements(records, &mut out);
    out.push_str("</data></array></value>");
    out.push_str(END);
    out
}

/// The one value in a response that [`response`] wrote.
#[cfg(feature = "peers")]
fn value(response: &str) -> &str {
    &response[START.len()..response.len() - END.len()]
}

/// `records`, one value after the other.
pub(crate) fn elements(records: &[Record], out: &mut String) {
    for Record { id, name, email, score, active, tags } in records {
        // The texts of records have nothing to escape.
        let _ = write!(
            out,
            "<value><struct>\
             <member><name>id</name><value><int>{id}</int></value></member>\
             <member><name>name</name><value><string>{name}</string></value></member>\
             <member><name>email</name><value><string>{email}</string></value></member>\
             <member><name>score</name><value><double>{score:?}</double></value></member>\
             <member><name>active</name><value><boolean>{}</boolean></value></member>\
             <member><name>tags</name><value><array><data>",
            u8::from(*active),
        );
        for tag in tags {
            let _ = write!(out, "<value><string>{tag}</string></value>");
        }
        out.push_str("</data></array></value></member></struct></value>");
    }
}

/// What the others are compared with: the events of quick-xml, thrown away.
pub(crate) fn columns(data: &Data) -> Vec<Column<'_>> {
    let events = |op| {
        Column::new(op, "quick-xml events", move || {
            black_box(count_events(&data.xml));
        })
    };
    #[cfg_attr(not(feature = "peers"), expect(unused_mut))]
    let mut columns = vec![events(Op::XmlValue), events(Op::XmlTyped)];
    #[cfg(feature = "peers")]
    columns.extend(peers(data));
    columns
}

fn count_events(document: &str) -> usize {
    let mut reader = Reader::from_str(document);
    let mut count = 0;
    loop {
        match reader.read_event().expect("own document") {
            Event::Eof => return count,
            event => {
                black_box(&event);
                count += 1;
            }
        }
    }
}

/// serde_xmlrpc and dxr write by way of a tree of values: their only public way from a type of one's own. How fast
/// serde_xmlrpc writes a tree that is there already, and is used up by it, is a column of its own.
#[cfg(feature = "peers")]
fn peers(data: &Data) -> Vec<Column<'_>> {
    use crate::contestants::dxr::DxrRecord;
    use dxr::{MethodResponse, TryFromValue, TryToValue};
    use std::cell::Cell;
    use std::rc::Rc;
    let dxr_records: Vec<DxrRecord> = data.xml_records().iter().map(DxrRecord::from).collect();
    let document = &data.xml;
    let tree = Rc::new(serde_xmlrpc::to_value(data.xml_records()).expect("plain data"));
    let ready = Rc::new(Cell::new(None));
    let (another, filled) = (tree.clone(), ready.clone());
    vec![
        Column::new(Op::XmlValue, "serde_xmlrpc", || {
            black_box(serde_xmlrpc::value_from_str(value(document)).expect("own document"));
        }),
        Column::new(Op::XmlTyped, "serde_xmlrpc", || {
            black_box(serde_xmlrpc::response_from_str::<Vec<Record>>(document).expect("own document"));
        }),
        Column::new(Op::XmlEncode, "serde_xmlrpc", || {
            let value = serde_xmlrpc::to_value(data.xml_records()).expect("plain data");
            black_box(serde_xmlrpc::response_to_string(std::iter::once(value)).expect("plain data"));
        }),
        Column::new(Op::XmlEncode, SERDE_XMLRPC_TREE, move || {
            let value = ready.take().unwrap_or_else(|| (*tree).clone());
            black_box(serde_xmlrpc::response_to_string(std::iter::once(value)).expect("plain data"));
        })
        .prepared(move || filled.set(Some((*another).clone()))),
        Column::new(Op::XmlValue, "dxr", || {
            black_box(MethodResponse::from_xml(document).expect("own document"));
        }),
        Column::new(Op::XmlTyped, "dxr", || {
            let response = MethodResponse::from_xml(document).expect("own document");
            black_box(Vec::<DxrRecord>::try_from_value(&response.value).expect("own records"));
        }),
        Column::new(Op::XmlEncode, "dxr", move || {
            let value = dxr_records.try_to_value().expect("plain data");
            black_box(MethodResponse { value }.to_xml().expect("plain data"));
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::records;

    #[test]
    fn two_thousand_records_are_about_a_megabyte() {
        let length = response(&records(2000)).len();
        assert!((1_000_000..1_200_000).contains(&length), "{length}");
    }

    #[test]
    fn the_limit_sees_every_tag() {
        let document = response(&records(10));
        let tags = document.matches('<').count();
        // And a text between the tags here and there.
        assert!(count_events(&document) > tags, "{tags}");
    }

    #[cfg(feature = "peers")]
    #[test]
    fn the_peers_read_the_document() {
        use crate::contestants::dxr::DxrRecord;
        use dxr::{MethodResponse, TryFromValue};
        let records = records(100);
        let document = response(&records);
        assert_eq!(serde_xmlrpc::response_from_str::<Vec<Record>>(&document).unwrap(), records);
        let tree = serde_xmlrpc::value_from_str(value(&document)).unwrap();
        assert_eq!(tree.as_array().map(<[_]>::len), Some(100));
        let value = MethodResponse::from_xml(&document).unwrap().value;
        let expected: Vec<_> = records.iter().map(DxrRecord::from).collect();
        assert_eq!(Vec::<DxrRecord>::try_from_value(&value).unwrap(), expected);
    }
}
