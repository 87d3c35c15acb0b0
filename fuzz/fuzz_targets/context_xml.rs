//! The reader of configuration files in XML: any text is a context or a list of mistakes with places.
#![no_main]

use libfuzzer_sys::fuzz_target;
use springline_context::ApplicationContext;

fuzz_target!(|text: &str| {
    if let Err(all) = ApplicationContext::builder().xml("fuzz", text).build() {
        assert!(all.iter().all(|one| one.line >= 1 && one.column >= 1 && !one.message.is_empty()));
    }
});
