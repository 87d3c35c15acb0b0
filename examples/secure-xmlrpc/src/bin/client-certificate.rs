//! The server requires the client to have a certificate, of an authority that the server trusts.

use secure_xmlrpc::{certs, log_errors, port, register_functions, url};
use springline::Result;
use springline::xmlrpc::client::SSLClient;
use springline::xmlrpc::server::XmlRpcServer;
use springline::xmlrpc::tls::CertReqs;

#[tokio::main]
async fn main() -> Result<()> {
    log_errors();
    let server = register_functions(XmlRpcServer::builder())
        .host("localhost")
        .port(port())
        .keyfile(certs("server-key.pem"))
        .certfile(certs("server-cert.pem"))
        .ca_certs(certs("ca-chain.pem"))
        .cert_reqs(CertReqs::Required)
        .serve()
        .await?;
    let url = url(&server).await;

    let client = SSLClient::builder(&url)
        .ca_certs(certs("ca-chain.pem"))
        .keyfile(certs("client-key.pem"))
        .certfile(certs("client-cert.pem"))
        .build()?;
    println!("pow(41, 3) = {}", client.call::<i64>("pow", (41, 3)).await?);

    // Who has none is turned away.
    let nobody = SSLClient::new(&url, certs("ca-chain.pem"))?;
    println!("without a certificate: {}", nobody.call::<i64>("pow", (41, 3)).await.unwrap_err().message());
    Ok(())
}
