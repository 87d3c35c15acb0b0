//! One service, called as a local object, through Pyro 3, Pyro 4, Pyro 5, XML-RPC and Hessian: `cargo run -p quickstart`.

mod options;

use std::process::ExitCode;
use std::time::Duration;

use options::{HELP, HTTP_PORT, PORT, PYRO3_PORT, Wish};
use quickstart::{LocalService, ServiceRef, ServiceServer, client};
use springline::hessian::client::HessianProxy;
use springline::hessian::http::HttpServer;
use springline::hessian::server::HessianServiceExporter;
use springline::pyro::{Daemon, Proxy, Version, pyro3};
use springline::xmlrpc::client::XmlRpcProxy;
use springline::xmlrpc::server::XmlRpcServer;
use springline::{ErrorKind, Result};

const HOST: &str = "127.0.0.1";
const NAME: &str = "ServiceName";

/// How long calls in progress may take after Ctrl-C.
const DRAIN: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> ExitCode {
    let (serve, ports) = match options::read(std::env::args().skip(1)) {
        Ok(Wish::Help) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Ok(Wish::Run { serve, port, pyro3_port, http_port }) => (serve, [port, pyro3_port, http_port]),
        Err(why) => {
            eprintln!("error: {why}");
            return ExitCode::from(2);
        }
    };
    match run(serve, ports).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {}", e.report());
            if e.kind() == ErrorKind::Unavailable {
                eprintln!(
                    "hint: if another program has the port, take another one: --port, --pyro3-port or --http-port, 0 for any"
                );
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(serve: bool, [port, pyro3_port, http_port]: [u16; 3]) -> Result<()> {
    let daemon = Daemon::bind(&format!("{HOST}:{port}")).await?;
    let uri = daemon.register(NAME, ServiceServer::new(LocalService))?.to_string();

    // Pyro 3's daemons speak first, so they need a port of their own.
    let daemon3 = pyro3::Daemon::bind(&format!("{HOST}:{pyro3_port}")).await?;
    daemon3.register(NAME, ServiceServer::new(LocalService))?;
    let uri3 = format!("PYROLOC://{}/{NAME}", daemon3.address());

    // What goes over HTTP shares a port: each has a path.
    let xmlrpc = XmlRpcServer::builder().register_service("", ServiceServer::new(LocalService)).handler()?;
    let hessian = HessianServiceExporter::builder(ServiceServer::new(LocalService)).handler()?;
    let server = HttpServer::builder().mount("/RPC2", xmlrpc).mount("/service", hessian);
    let server = server.bind(&format!("{HOST}:{http_port}").parse()?).await?;
    let url = format!("http://{}/RPC2", server.local_address());
    let service_url = format!("http://{}/service", server.local_address());

    // One client function, six objects. Only what stands here differs.
    let local = ServiceRef::local(LocalService);
    let pyro3 = ServiceRef::remote(pyro3::Proxy::new(&uri3)?);
    let pyro4 = ServiceRef::remote(Proxy::builder(&uri)?.version(Version::V48).build()?);
    let pyro5 = ServiceRef::remote(Proxy::builder(&uri)?.version(Version::V502).build()?);
    let xmlrpc = ServiceRef::remote(XmlRpcProxy::new(&url)?);
    let hessian = ServiceRef::remote(HessianProxy::new(&service_url)?);
    println!("local    {}", client(&local).await?);
    println!("Pyro 3   {}", client(&pyro3).await?);
    println!("Pyro 4   {}", client(&pyro4).await?);
    println!("Pyro 5   {}", client(&pyro5).await?);
    println!("XML-RPC  {}", client(&xmlrpc).await?);
    println!("Hessian  {}", client(&hessian).await?);

    if serve {
        // Who reads the next line may ask for the end at once: listen for that first.
        let end = Interrupt::listen();
        let python = python(&uri, &uri3, &url);
        println!("\nServing {uri}, {uri3}, {url} and {service_url} until Ctrl-C. From Python:\n\n{python}");
        end.wait().await;
        println!("\nStopping.");
    } else {
        let uri = format!("PYRO:{NAME}@{HOST}:{PORT}");
        let url = format!("http://{HOST}:{HTTP_PORT}/RPC2");
        let uri3 = format!("PYROLOC://{HOST}:{PYRO3_PORT}/{NAME}");
        let python = python(&uri, &uri3, &url);
        println!("\nThe same object from Python, while `cargo run -p quickstart -- --serve` runs:\n\n{python}");
    }
    tokio::join!(daemon.shutdown(DRAIN), daemon3.shutdown(DRAIN), server.shutdown(DRAIN));
    Ok(())
}

/// What calls the object from Python, to be pasted as it is.
fn python(uri: &str, uri3: &str, url: &str) -> String {
    format!(
        "# Pyro4: pip install Pyro4\n\
         import Pyro4\n\
         print(Pyro4.Proxy(\"{uri}\").get_data(\"Hello\"))\n\
         \n\
         # Pyro5: pip install Pyro5\n\
         import Pyro5.api\n\
         print(Pyro5.api.Proxy(\"{uri}\").get_data(\"Hello\"))\n\
         \n\
         # Pyro 3: for Python 2, from Pyro-3.16.tar.gz of the Python package index\n\
         import Pyro.core\n\
         print(Pyro.core.getProxyForURI(\"{uri3}\").get_data(\"Hello\"))\n\
         \n\
         # XML-RPC: comes with Python 3; in Python 2 it is `from xmlrpclib import ServerProxy`\n\
         from xmlrpc.client import ServerProxy\n\
         print(ServerProxy(\"{url}\").get_data(\"Hello\"))\n"
    )
}

/// Ctrl-C, or the system's request to end.
struct Interrupt {
    #[cfg(unix)]
    signals: std::io::Result<[tokio::signal::unix::Signal; 2]>,
}

impl Interrupt {
    #[cfg(unix)]
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let both = || Ok([signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?]);
        Self { signals: both() }
    }

    #[cfg(not(unix))]
    fn listen() -> Self {
        Self {}
    }

    async fn wait(self) {
        #[cfg(unix)]
        if let Ok([mut interrupt, mut terminate]) = self.signals {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
        let _ = tokio::signal::ctrl_c().await;
    }
}
