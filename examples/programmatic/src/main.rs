//! The same without a context: the exporter and the proxy are made here, as the container makes them.

use std::sync::Arc;

use springline::pyro::{PyroProxyFactory, PyroServiceExporter};
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
    let remote_service = ServiceServer::new(MyService);

    let mut service_exporter = PyroServiceExporter::default();
    service_exporter.service_name = "ServiceName".to_owned();
    service_exporter.service = Some(Arc::new(remote_service));
    // localhost and 7766 where nothing is said.
    service_exporter.service_host = "127.0.0.1".to_owned();
    service_exporter.service_port = port();
    service_exporter.after_properties_set().await?;

    let service = PyroProxyFactory::new(format!("PYROLOC://127.0.0.1:{}/ServiceName", port()));
    let data: String = service.call("get_data", ("Hello",)).await?;
    println!("{data}");

    // The same proxy behind the trait: what a client has that does not care where its service is.
    let service = ServiceRef::remote(service.proxy()?.clone());
    println!("{}", service.get_data("World").await?);

    service_exporter.destroy().await;
    Ok(())
}

fn port() -> u16 {
    std::env::var("SERVICE_PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(7000)
}
