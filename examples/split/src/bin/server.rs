//! The server: what it exports, and where, stands in server.xml. RUST_LOG=springline=debug shows what happens.

use split::{Service, ServiceRef};
use springline::Result;
use springline::context::{ApplicationContext, classes};
use tracing_subscriber::EnvFilter;

struct MyService;

impl Service for MyService {
    async fn get_data(&self, param: String) -> Result<String> {
        Ok(format!("You got remote data => {param}"))
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    tracing_subscriber::fmt().with_env_filter(EnvFilter::from_default_env()).with_writer(std::io::stderr).init();
    let classes = classes().class("server.Service", |class| class.handle(|_| Ok(ServiceRef::local(MyService))));
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/server.xml");
    let context = ApplicationContext::builder().classes(classes).file(file).start().await?;
    for endpoint in context.endpoints() {
        println!("{}: {}", endpoint.id, endpoint.uris.join(" "));
    }
    let _ = tokio::signal::ctrl_c().await;
    context.shutdown(std::time::Duration::from_secs(10)).await;
    Ok(())
}
