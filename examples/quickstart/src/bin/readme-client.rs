//! README.md's first program, the client. A test holds the two equal.

// README
use springline::pyro::Proxy;
use springline::{Result, remote};

#[remote]
trait Account {
    async fn balance(&self, owner: &str) -> Result<i64>;
}

#[tokio::main]
async fn main() -> Result<()> {
    let uri = std::env::args().nth(1).unwrap_or("PYRO:account@127.0.0.1:7766".to_owned());
    let account = AccountRef::remote(Proxy::new(&uri)?);
    println!("Ada has {}", account.balance("Ada").await?);
    Ok(())
}
