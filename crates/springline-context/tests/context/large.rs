//! A file of 10,000 objects.

use std::fmt::Write as _;
use std::time::Instant;

use crate::support::{Log, around, builder};

#[test]
fn ten_thousand_objects() {
    let mut xml = String::new();
    let mut toml = String::new();
    for n in 0..10_000 {
        let before = n.max(1) - 1;
        let reference = if n == 0 { "value='first'".to_owned() } else { format!("ref='object{before}'") };
        let _ = writeln!(
            xml,
            "  <object id='object{n}' class='test.Proxy'><property name='a' {reference}/><property name='b' value='{n}'/></object>"
        );
        let reference = if n == 0 { "'first'".to_owned() } else { format!("{{ ref = 'object{before}' }}") };
        let _ = writeln!(toml, "[objects.object{n}]\nclass = 'test.Proxy'\na = {reference}\nb = {n}");
    }
    let start = Instant::now();
    let context = builder(&Log::default()).xml("large.xml", around(&xml)).build().unwrap();
    println!("10,000 objects of XML: {:?}", start.elapsed());
    assert_eq!(context.ids().len(), 10_000);
    let start = Instant::now();
    let context = builder(&Log::default()).toml("large.toml", toml).build().unwrap();
    println!("10,000 objects of TOML: {:?}", start.elapsed());
    assert_eq!(context.ids().len(), 10_000);
}

#[test]
fn ten_thousand_mistakes() {
    let mut xml = String::new();
    for n in 0..10_000 {
        let _ =
            writeln!(xml, "  <object id='object{n}' class='test.Proxy'><property name='a' ref='objekt{n}'/></object>");
    }
    let start = Instant::now();
    let all = builder(&Log::default()).xml("large.xml", around(&xml)).build().unwrap_err();
    println!("10,000 mistakes: {:?}", start.elapsed());
    assert_eq!(all.len(), 10_000);
    assert!(all.iter().next().unwrap().message.contains("did you mean"));
}
