//! The client: where its service is stands in client.xml.

use split::{Service, ServiceRef};
use springline::Result;
use springline::context::{ApplicationContext, classes};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> Result<()> {
    tracing_subscriber::fmt().with_env_filter(EnvFilter::from_default_env()).with_writer(std::io::stderr).init();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/client.xml");
    let context = ApplicationContext::builder().classes(classes()).file(file).start().await?;
    let service: ServiceRef = context.get("service")?;
    println!("CLIENT: {}", service.get_data("Hello".to_owned()).await?);
    Ok(())
}
