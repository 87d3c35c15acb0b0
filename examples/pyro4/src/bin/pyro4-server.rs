//! The server: what it exports, and where, stands in server.xml.

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
    let classes = classes().class("server.Service", |class| class.handle(|_| Ok(ServiceRef::local(MyService))));
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/server.xml");
    let context = ApplicationContext::builder().classes(classes).file(file).start().await?;
    for endpoint in context.endpoints() {
        println!("{}: {}", endpoint.id, endpoint.uris.join(" "));
    }
    let _ = tokio::signal::ctrl_c().await;
    context.shutdown(Duration::from_secs(10)).await;
    Ok(())
}
