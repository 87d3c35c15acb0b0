//! The client: where its service is stands in client.xml. Without a trait, for once: any method of any object by its name.

use springline::Result;
use springline::context::{ApplicationContext, classes};

#[tokio::main]
async fn main() -> Result<()> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/client.xml");
    let context = ApplicationContext::builder().classes(classes()).file(file).start().await?;
    let data: String = context.proxy("service")?.call("get_data", ("Hello",)).await?;
    println!("CLIENT: {data}");
    Ok(())
}
