//! README.md's first program, the server. A test holds the two equal.

// README
use springline::pyro::Daemon;
use springline::{Result, remote};

#[remote]
trait Account {
    async fn balance(&self, owner: &str) -> Result<i64>;
}

struct Bank;

impl Account for Bank {
    async fn balance(&self, owner: &str) -> Result<i64> {
        Ok(100 * owner.len() as i64)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:7766".to_owned());
    let daemon = Daemon::bind(&address).await?;
    println!("{}", daemon.register("account", AccountServer::new(Bank))?);
    std::future::pending().await
}
