//! The JSON schema that is shipped for editors is the one of the classes that there are.

#![cfg(all(feature = "context", feature = "cluster", feature = "pyro", feature = "xmlrpc", feature = "hessian"))]

use std::path::Path;

use springline::context::{classes, json_schema};

#[test]
fn the_schema_is_up_to_date() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/springline-context.schema.json");
    let expected = json_schema(&classes());
    if std::env::var_os("SPRINGLINE_BLESS").is_some() {
        std::fs::write(&file, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(found == expected, "{} is out of date: run this test with SPRINGLINE_BLESS=1", file.display());
}
