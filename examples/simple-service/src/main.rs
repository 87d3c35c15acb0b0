//! A service that is called directly, and then as the object `service` of an application context.

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
    println!("{}", MyService.get_data("Hello").await?);

    // From here on a file says what the service is: an object of this process, or one that is somewhere else.
    let classes = classes().class("Service", |class| class.handle(|_| Ok(ServiceRef::local(MyService))));
    let context = ApplicationContext::builder().classes(classes).file(file()).start().await?;
    let service: ServiceRef = context.get("service")?;
    println!("{}", service.get_data("Hello").await?);
    Ok(())
}

fn file() -> String {
    std::env::args().nth(1).unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/applicationContext.xml").to_owned())
}
