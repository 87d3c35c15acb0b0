//! The application context: what a configuration file describes becomes objects, exporters and proxies.
//!
//! Spring Python's XML files are read as they are, and the same can be written as TOML. What the classes in them are is
//! told by drivers, one for each protocol, and by the program for its own:
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use springline_context::{ApplicationContext, Classes};
//! use springline_core::FnService;
//!
//! let classes = Classes::new().class("Service", |class| {
//!     class.service(|_| {
//!         Ok(FnService::new("Service").method("get_data", ["param"], |(param,): (String,)| async move {
//!             Ok(format!("You got remote data => {param}"))
//!         }))
//!     })
//! });
//! let context = ApplicationContext::builder()
//!     .classes(classes)
//!     .xml("applicationContext.xml", r#"
//!         <objects xmlns="http://www.springframework.org/springpython/schema/objects/1.1">
//!             <object id="service" class="Service"/>
//!         </objects>"#)
//!     .start()
//!     .await?;
//! let service = context.proxy("service")?;
//! let data: String = service.call("get_data", ("Hello",)).await?;
//! assert_eq!(data, "You got remote data => Hello");
//! # Ok::<(), springline_core::Error>(()) }).unwrap();
//! ```
//!
//! # What is read
//!
//! | XML | TOML | what it is |
//! | --- | --- | --- |
//! | `<object id="x" class="C">` | `[objects.x]`, `class = "C"` | an object |
//! | `scope="prototype"`, `lazy-init="True"`, `abstract="True"`, `parent="y"` | `scope`, `lazy_init`, `abstract`, `parent` | as in Spring Python |
//! | `count="10"` | `count = 10` | `x0` to `x9`; see below |
//! | `<property name="p" value="v"/>`, `<property name="p"><value>v</value></property>` | `p = "v"` | a property |
//! | `<property name="p" ref="y"/>`, `<ref object="y"/>` | `p = { ref = "y" }` | another object |
//! | `<constructor-arg name="p" value="v"/>` | `p = "v"` | the same as a property |
//! | `<constructor-arg value="v"/>` | `args = ["v"]` | the property at that place |
//! | an `<object>` within a property | `p = { class = "C", .. }` | an object of its own |
//! | `<list>`, `<tuple>`, `<set>`, `<frozenset>` | `[..]`, `{ tuple = [..] }`, `{ set = [..] }`, `{ frozenset = [..] }` | items |
//! | `<dict>` of `<entry>`, `<props>` | `{ key = value }`, `{ dict = [[key, value]] }` | a dictionary |
//! | `<str>`, `<int>`, `<long>`, `<float>`, `<decimal>`, `<bool>`, `<complex>` | TOML's own types, `{ decimal = "1.5" }` | values with a type |
//! | `<str id="greeting">Hello</str>` at the top | `[values]`, `greeting = "Hello"` | a value to refer to |
//! | `<components>`, `<component>`, Python literals, `local="y"` | | the format before `<objects>` |
//!
//! `${NAME:default}` in a value is the variable of that name in the environment. Text without a type is read as what the
//! property is: `value="7000"` is a port.
//!
//! With `count` the number takes the place of each `%s` in the object's texts; where there is none it is put behind the
//! property that names the object, such as an exporter's `service_name`. A reference to the id without a number is one
//! to all of them, in a list.
//!
//! A DOCTYPE is refused. All that is wrong with the files is told together, each with file, line and column.
//!
//! # What happens
//!
//! Files are read, parents merged, names, types and references checked; then objects are made, each after those that it
//! refers to; then exporters are started. They stop in reverse order, within the time that [`ApplicationContext::shutdown`]
//! gives them. If one does not start, those before it are stopped again, and the error names it. Proxies connect at their
//! first call. [`ApplicationContext::reload`] exchanges what has changed and leaves the rest alone.
//!
//! An exporter whose `service` is a proxy is a gateway: no code is needed.
//!
//! The log, target `springline::context`, tells all of this at level DEBUG. Values of properties are not logged.

mod builder;
mod classes;
mod context;
mod diagnostics;
mod environment;
mod make;
mod model;
mod plan;
mod proxy;
mod read;
mod schema;
mod slot;

pub use builder::Builder;
pub use classes::Classes;
pub use context::{ApplicationContext, Endpoint, Reloaded};
pub use diagnostics::{Diagnostic, Diagnostics};
pub use environment::Environment;
pub use proxy::{ObjectProxy, Request};
pub use schema::json_schema;
