//! The service is exported through Pyro and called through Pyro. Against simple-service only the file has changed.

use std::time::Duration;

use springline::context::{ApplicationContext, classes};
use springline::{Result, remote};

#[remote]
trait Service {
    async fn get_data(&self, param: &str) -> Result<String>;
}

struct MyService;

impl Service for MyService {
    async fn get_data(&self, param: &str) -> Result<String> {
        Ok(format!("You got remote data => {param}"))
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let classes = classes().class("Service", |class| class.handle(|_| Ok(ServiceRef::local(MyService))));
    let context = ApplicationContext::builder().classes(classes).file(file()).start().await?;
    for endpoint in context.endpoints() {
        println!("{}: {}", endpoint.id, endpoint.uris.join(" "));
    }

    // The object "service" is a proxy now. Nothing here knows.
    let service: ServiceRef = context.get("service")?;
    println!("{}", service.get_data("Hello").await?);

    context.shutdown(Duration::from_secs(10)).await;
    Ok(())
}

fn file() -> String {
    std::env::args().nth(1).unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/applicationContext.xml").to_owned())
}
