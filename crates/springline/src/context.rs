//! The application context: Spring Python's XML files, and the same in TOML, become objects, exporters and proxies.
//!
//! All of [`springline_context`], and [`classes`]: what the features of this crate bring along.
#![cfg_attr(
    feature = "pyro",
    doc = r#"
```no_run
# async fn f() -> springline::Result<()> {
use springline::FnService;
use springline::context::{ApplicationContext, classes};

let classes = classes().class("server.Service", |class| {
    class.service(|_| {
        Ok(FnService::new("Service").method("get_data", ["param"], |(param,): (String,)| async move {
            Ok(format!("You got remote data => {param}"))
        }))
    })
});
let context = ApplicationContext::builder().classes(classes).file("server.xml").start().await?;
for endpoint in context.endpoints() {
    println!("{}: {}", endpoint.id, endpoint.uris.join(", "));
}
# Ok(()) }
```
"#
)]

pub use springline_context::*;

/// The classes of all protocols that this crate was built with, under the original's names and under short ones.
#[must_use]
#[allow(unused_mut, reason = "without any protocol there is nothing to add")]
pub fn classes() -> Classes {
    let mut classes = Classes::new();
    #[cfg(feature = "pyro")]
    {
        classes = classes.driver(&springline_pyro::DRIVER);
    }
    #[cfg(feature = "xmlrpc")]
    {
        classes = classes.driver(&springline_xmlrpc::DRIVER);
    }
    #[cfg(feature = "hessian")]
    {
        classes = classes.driver(&springline_hessian::DRIVER);
    }
    #[cfg(feature = "cluster")]
    {
        classes = classes.driver(&springline_cluster::DRIVER);
    }
    classes
}
