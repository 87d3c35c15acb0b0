//! Encrypted connection only: the server has a key and a certificate, the client trusts the authority that signed it.

use secure_xmlrpc::{certs, log_errors, port, register_functions, url};
use springline::Result;
use springline::xmlrpc::client::SSLClient;
use springline::xmlrpc::server::XmlRpcServer;

#[tokio::main]
async fn main() -> Result<()> {
    log_errors();
    let server = register_functions(XmlRpcServer::builder())
        .host("localhost")
        .port(port())
        .keyfile(certs("server-key.pem"))
        .certfile(certs("server-cert.pem"))
        .serve()
        .await?;
    let url = url(&server).await;

    let client = SSLClient::new(&url, certs("ca-chain.pem"))?;
    println!("pow(41, 3) = {}", client.call::<i64>("pow", (41, 3)).await?);
    Ok(())
}
