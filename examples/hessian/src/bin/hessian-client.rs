//! The manual's client: where `personService` is stands in applicationContext.xml, and a Java object is a dictionary.

use springline::context::{ApplicationContext, classes};
use springline::{Result, Value};

#[tokio::main]
async fn main() -> Result<()> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/applicationContext.xml");
    let context = ApplicationContext::builder().classes(classes()).file(file).start().await?;
    let person: Value = context.proxy("personService")?.call("transform", ("Greg Turnquist a,b,c,x,y,z",)).await?;
    for field in ["firstName", "lastName"] {
        println!("{field}: {}", person.field(field).and_then(Value::as_str).unwrap_or_default());
    }
    Ok(())
}
