//! The same in the program: ten exporters in a loop, ten proxies in a pool.

use springline::cluster::{Failover, HighAvailabilityService};
use springline::pyro::{PyroProxyFactory, PyroServiceExporter};
use springline::{Result, remote};

#[remote]
trait Service {
    // Running it twice does no harm: a copy that was lost in the middle of a call is no reason to give up.
    #[remote(idempotent)]
    async fn get_data(&self, param: &str) -> Result<String>;
}

/// A copy of the service; it says which one it is.
struct MyService {
    name: String,
}

impl Service for MyService {
    async fn get_data(&self, param: &str) -> Result<String> {
        Ok(format!("You got remote data => {param} (from {})", self.name))
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let port = std::env::var("SERVICE_PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(7766);
    let mut exporters = Vec::new();
    for i in 0..10 {
        let name = format!("ServiceName{i}");
        let mut service_exporter =
            PyroServiceExporter::new(&name, ServiceServer::new(MyService { name: name.clone() }));
        service_exporter.service_port = port;
        service_exporter.after_properties_set().await?;
        exporters.push(service_exporter);
    }

    let pool = HighAvailabilityService::builder().failover(Failover::Idempotent).build();
    for i in 0..10 {
        let service = PyroProxyFactory::new(format!("PYROLOC://localhost:{port}/ServiceName{i}"));
        pool.add(format!("ServiceName{i}"), service)?;
    }

    // A pool is a service like any other.
    let service = ServiceRef::remote(pool.clone());
    println!("{}", service.get_data("Hello").await?);
    println!("{}", service.get_data("World").await?);

    // It can grow, with a copy in this process for instance, and shrink.
    pool.add("here", ServiceServer::new(MyService { name: "this process".to_owned() }))?;
    pool.remove("ServiceName9");

    // Whoever cannot be reached is left out.
    for mut service_exporter in exporters {
        service_exporter.destroy().await;
    }
    println!("{}", service.get_data("Hello again").await?);
    Ok(())
}
