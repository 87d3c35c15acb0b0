//! The server requires a certificate and checks its fields: whoever is not My Client of My Company in My State is dropped
//! and told nothing; the reason is in the server's log.

use secure_xmlrpc::{certs, log_errors, port, register_functions, url};
use springline::Result;
use springline::xmlrpc::client::SSLClient;
use springline::xmlrpc::server::{XmlRpcServer, XmlRpcServerBuilder, certificate};
use springline::xmlrpc::tls::CertReqs;

#[tokio::main]
async fn main() -> Result<()> {
    log_errors();
    let server = for_client("My Client").port(port()).serve().await?;
    let url = url(&server).await;

    let client = SSLClient::builder(&url)
        .ca_certs(certs("ca-chain.pem"))
        .keyfile(certs("client-key.pem"))
        .certfile(certs("client-cert.pem"))
        .build()?;
    println!("I am {}", client.call::<String>("whoami", ()).await?);
    println!("pow(41, 3) = {}", client.call::<i64>("pow", (41, 3)).await?);
    let names: Vec<String> = client.call("listdir", (certs("").display().to_string(),)).await?;
    println!("listdir: {}", names.join(" "));

    // The same client where somebody else is expected.
    let server = for_client("Somebody Else").port(0).serve().await?;
    let client = SSLClient::builder(&server.url())
        .ca_certs(certs("ca-chain.pem"))
        .keyfile(certs("client-key.pem"))
        .certfile(certs("client-cert.pem"))
        .build()?;
    println!("not let in: {}", client.call::<i64>("pow", (41, 3)).await.unwrap_err().message());
    Ok(())
}

/// A server for one client.
fn for_client(name: &str) -> XmlRpcServerBuilder {
    register_functions(XmlRpcServer::builder())
        // A method can look at the certificate of its caller.
        .register_sync("whoami", [], |()| Ok(certificate().and_then(|c| c.field("commonName")).unwrap_or_default()))
        .host("localhost")
        .keyfile(certs("server-key.pem"))
        .certfile(certs("server-cert.pem"))
        .ca_certs(certs("ca-chain.pem"))
        .cert_reqs(CertReqs::Required)
        .verify_fields([("commonName", name), ("organizationName", "My Company"), ("stateOrProvinceName", "My State")])
}
