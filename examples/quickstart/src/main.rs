//! One service, called as a local object, through Pyro 4 and through Pyro 5: `cargo run -p quickstart`.

mod options;

use std::process::ExitCode;
use std::time::Duration;

use options::{HELP, PORT, Wish};
use quickstart::{LocalService, ServiceRef, ServiceServer, client};
use springline::pyro::{Daemon, Proxy, Version};
use springline::{ErrorKind, Result};

const HOST: &str = "127.0.0.1";
const NAME: &str = "ServiceName";

/// How long calls in progress may take after Ctrl-C.
const DRAIN: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> ExitCode {
    let (serve, port) = match options::read(std::env::args().skip(1)) {
        Ok(Wish::Help) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Ok(Wish::Run { serve, port }) => (serve, port),
        Err(why) => {
            eprintln!("error: {why}");
            return ExitCode::from(2);
        }
    };
    match run(serve, port).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {}", e.report());
            if e.kind() == ErrorKind::Unavailable {
                eprintln!(
                    "hint: if another program has port {port}, take another one: --port PORT, or --port 0 for any"
                );
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(serve: bool, port: u16) -> Result<()> {
    let daemon = Daemon::bind(&format!("{HOST}:{port}")).await?;
    let uri = daemon.register(NAME, ServiceServer::new(LocalService))?.to_string();

    // One client function, three objects. Only what stands here differs.
    let local = ServiceRef::local(LocalService);
    let pyro4 = ServiceRef::remote(Proxy::builder(&uri)?.version(Version::V48).build()?);
    let pyro5 = ServiceRef::remote(Proxy::builder(&uri)?.version(Version::V502).build()?);
    println!("local   {}", client(&local).await?);
    println!("Pyro 4  {}", client(&pyro4).await?);
    println!("Pyro 5  {}", client(&pyro5).await?);

    if serve {
        // Who reads the next line may ask for the end at once: listen for that first.
        let end = Interrupt::listen();
        println!("\nServing {uri} until Ctrl-C. From Python:\n\n{}", python(&uri));
        end.wait().await;
        println!("\nStopping.");
    } else {
        let uri = format!("PYRO:{NAME}@{HOST}:{PORT}");
        println!("\nThe same object from Python, while `cargo run -p quickstart -- --serve` runs:\n\n{}", python(&uri));
    }
    daemon.shutdown(DRAIN).await;
    Ok(())
}

/// What calls the object from Python, to be pasted as it is.
fn python(uri: &str) -> String {
    format!(
        "# Pyro4: pip install Pyro4\n\
         import Pyro4\n\
         print(Pyro4.Proxy(\"{uri}\").get_data(\"Hello\"))\n\
         \n\
         # Pyro5: pip install Pyro5\n\
         import Pyro5.api\n\
         print(Pyro5.api.Proxy(\"{uri}\").get_data(\"Hello\"))\n"
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
