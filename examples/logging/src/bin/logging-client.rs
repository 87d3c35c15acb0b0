//! A client that logs the HTTP traffic, and one that the server does not let in.

use springline::Result;
use springline::context::{ApplicationContext, classes};

#[tokio::main]
async fn main() -> Result<()> {
    logging::start_logging();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/client.xml");
    let context = ApplicationContext::builder().classes(classes()).file(file).start().await?;

    let names: Vec<String> = context.proxy("client")?.call("listdir", ("certs",)).await?;
    println!("{}", names.join(" "));

    let refused = context.proxy("stranger")?.call::<Vec<String>>("listdir", ("certs",)).await.unwrap_err();
    println!("{}", refused.message());
    Ok(())
}
