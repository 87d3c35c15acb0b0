//! The configuration in the guide's pages: it is read without a complaint. Their Rust is for the doctests.

#![cfg(all(feature = "cluster", feature = "context", feature = "hessian", feature = "pyro", feature = "xmlrpc"))]

use std::path::Path;

use springline::FnService;
use springline::context::{ApplicationContext, Classes, classes};

const NAMESPACE: &str = "http://www.springframework.org/springpython/schema/objects/1.1";

/// The pages, by the names of their files.
fn pages() -> Vec<(String, String)> {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/guide");
    let mut pages = Vec::new();
    for entry in std::fs::read_dir(guide).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "md") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            pages.push((name, std::fs::read_to_string(path).unwrap()));
        }
    }
    pages.sort();
    pages
}

/// The blocks of a language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    page.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// What the pages suppose a program to have.
fn known() -> Classes {
    let service = || Ok(FnService::new("Service"));
    let classes = classes().class("server.Service", move |class| class.service(move |_| service()));
    classes.class("MySSLServer", move |class| {
        class.extends("springpython.remoting.xmlrpc.SSLServer").preset("service", move |_| service())
    })
}

#[test]
fn what_is_shown_is_read() {
    let mut count = 0;
    for (name, page) in pages() {
        for block in blocks(&page, "xml") {
            let service = match block.contains("ref=\"remoteService\"") && !block.contains("id=\"remoteService\"") {
                true => "<object id=\"remoteService\" class=\"server.Service\"/>",
                false => "",
            };
            let text = format!("<objects xmlns=\"{NAMESPACE}\">\n{service}{block}</objects>");
            let built = ApplicationContext::builder().classes(known()).xml(&*name, text).build();
            if let Err(e) = built {
                panic!("{name}: {e}\n{block}");
            }
            count += 1;
        }
        for block in blocks(&page, "toml") {
            let built = ApplicationContext::builder().classes(known());
            if let Err(e) = built.toml(&*name, block.clone()).build() {
                panic!("{name}: {e}\n{block}");
            }
            count += 1;
        }
    }
    assert!(count >= 7, "only {count} blocks were found");
}

#[test]
fn every_page_is_in_the_guide() {
    let index = include_str!("../src/guide/mod.rs");
    for (name, _) in pages() {
        assert!(index.contains(&format!("include_str!(\"{name}\")")), "{name}");
        assert!(index.contains(name.trim_end_matches(".md")), "{name}");
    }
}
