//! Ten copies of the service, and a client that goes round them, by configuration: `count="10"` in both files.

use std::time::Duration;

use springline::component::Type;
use springline::context::{ApplicationContext, classes};
use springline::{Result, remote};

#[remote]
trait Service {
    // Running it twice does no harm: a copy that was lost in the middle of a call is no reason to give up.
    #[remote(idempotent)]
    async fn get_data(&self, param: &str) -> Result<String>;
}

/// A copy of the service; it says which one it is.
struct MyService {
    name: String,
}

impl Service for MyService {
    async fn get_data(&self, param: &str) -> Result<String> {
        Ok(format!("You got remote data => {param} (from {})", self.name))
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let classes = classes().class("server.Service", |class| {
        class
            .required("name", Type::Text, "Which copy it is.")
            .handle(|settings| Ok(ServiceRef::local(MyService { name: settings.require("name")? })))
    });
    let context = |file: &str| {
        let file = format!("{}/{file}", env!("CARGO_MANIFEST_DIR"));
        ApplicationContext::builder().classes(classes.clone()).file(file).start()
    };
    // On different machines, usually.
    let server = context("server.xml").await?;
    let client = context("client.xml").await?;

    let service: ServiceRef = client.get("service")?;
    for number in 1..=11 {
        println!("{}", service.get_data(&format!("Hello {number}")).await?);
    }

    // Where no copy can be reached, an error says so.
    server.shutdown(Duration::from_secs(1)).await;
    println!("error: {}", service.get_data("Hello").await.unwrap_err().message());

    // Copies come back by themselves.
    server.start().await?;
    println!("{}", service.get_data("World").await?);
    Ok(())
}
