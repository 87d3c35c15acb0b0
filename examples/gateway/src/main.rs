//! A client of the gateway, through each of its doors. What is behind it, it cannot tell.

use springline::hessian::client::HessianProxy;
use springline::pyro::Proxy;
use springline::xmlrpc::client::XmlRpcProxy;
use springline::{Result, remote};

#[remote]
trait Service {
    async fn get_data(&self, param: &str) -> Result<String>;
}

#[tokio::main]
async fn main() -> Result<()> {
    let port = |name: &str, usual: &str| std::env::var(name).unwrap_or_else(|_| usual.to_owned());
    let (pyro_port, http_port) = (port("GATEWAY_PORT", "7766"), port("GATEWAY_HTTP_PORT", "8000"));

    let pyro = ServiceRef::remote(Proxy::new(&format!("PYRO:ServiceName@127.0.0.1:{pyro_port}"))?);
    let xmlrpc = ServiceRef::remote(XmlRpcProxy::new(&format!("http://127.0.0.1:{http_port}/RPC2"))?);
    let hessian = ServiceRef::remote(HessianProxy::new(&format!("http://127.0.0.1:{http_port}/service"))?);
    println!("Pyro 5   {}", pyro.get_data("Hello").await?);
    println!("XML-RPC  {}", xmlrpc.get_data("Hello").await?);
    println!("Hessian  {}", hessian.get_data("Hello").await?);
    Ok(())
}
