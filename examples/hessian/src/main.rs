//! The Hessian example of Spring Python's manual, both ways: `cargo run -p hessian`.
//!
//! Serves `Person transform(String)`, calls it as the manual does (the result as a dictionary) and by a trait (the result as a
//! struct), in every dialect, and prints the lines of Java that call it as well. With a URL it calls the service there instead:
//! Java's, for example.

use std::process::ExitCode;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use springline::hessian::Dialect;
use springline::hessian::client::{HessianProxy, HessianProxyFactory};
use springline::hessian::server::HessianServiceExporter;
use springline::{Error, ErrorKind, Result, Value, remote};

/// A Java bean: the names of its class and its fields are Java's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "Person", rename_all = "camelCase")]
struct Person {
    first_name: String,
    last_name: String,
    attributes: Vec<String>,
}

/// Java's interface.
#[remote(rename_all = "camelCase")]
trait PersonService {
    /// Makes a person of `first last a,b,c`.
    async fn transform(&self, line: &str) -> Result<Person>;
}

struct MyPersonService;

impl PersonService for MyPersonService {
    async fn transform(&self, line: &str) -> Result<Person> {
        let mut parts = line.splitn(3, ' ').map(str::to_owned);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(first_name), Some(last_name), Some(rest)) => {
                Ok(Person { first_name, last_name, attributes: rest.split(',').map(str::to_owned).collect() })
            }
            // Java throws an IllegalArgumentException.
            _ => Err(Error::new(ErrorKind::Arguments, "a first name, a last name and attributes are wanted")),
        }
    }
}

const LINE: &str = "Greg Turnquist a,b,c,x,y,z";

/// Calls the service as the manual does, by its URL and nothing else, and by the trait.
async fn call(service_url: &str) -> Result<()> {
    let person_service = HessianProxyFactory { service_url: service_url.to_owned() }.create()?;
    let dictionary = person_service.call_value("transform", (LINE,)).await?;
    let text = |name: &str| dictionary.field(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    println!("as a dictionary: {} {}", text("firstName"), text("lastName"));
    for dialect in [Dialect::Hessian1, Dialect::Mixed, Dialect::Hessian2] {
        let proxy = HessianProxy::builder(service_url).dialect(dialect).build()?;
        let person = PersonServiceProxy::new(proxy).transform(LINE).await?;
        println!("{dialect:?}: {} {} {}", person.first_name, person.last_name, person.attributes.join(","));
    }
    Ok(())
}

/// What calls the service from Java, to be compiled as it is.
fn java(url: &str) -> String {
    include_str!("../java/Client.java").replace("http://localhost:8080/", url)
}

async fn run(argument: Option<String>) -> Result<()> {
    let port = match argument.as_deref() {
        Some(url) if url.contains("://") => return call(url).await,
        Some("--serve") => 8080,
        Some(other) => match other.strip_prefix("--serve=").map(str::parse) {
            Some(Ok(port)) => port,
            _ => return Err(Error::new(ErrorKind::Config, format!("unknown argument {other:?}: see the README"))),
        },
        None => 0,
    };
    let server =
        HessianServiceExporter::builder(PersonServiceServer::new(MyPersonService)).host("127.0.0.1").port(port).serve();
    let server = server.await?;
    let url = server.url();
    call(&url).await?;
    if argument.is_none() {
        println!(
            "\nThe same from Java, while `cargo run -p hessian -- --serve` runs:\n\n{}",
            java("http://localhost:8080/")
        );
        return Ok(());
    }
    println!("\nServing {url} until Ctrl-C. From Java:\n\n{}", java(&url));
    let _ = tokio::signal::ctrl_c().await;
    server.shutdown(Duration::from_secs(10)).await;
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(std::env::args().nth(1)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {}", e.report());
            ExitCode::FAILURE
        }
    }
}
