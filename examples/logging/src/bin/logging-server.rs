//! The manual's MySSLServer with one function, `listdir`, at full verbosity.

use std::time::Duration;

use springline::context::{ApplicationContext, classes};
use springline::{Error, Exception, Result, remote};

#[remote]
trait Files {
    async fn listdir(&self, path: &str) -> Result<Vec<String>>;
}

struct MyFiles;

impl Files for MyFiles {
    async fn listdir(&self, path: &str) -> Result<Vec<String>> {
        let raise = |e: std::io::Error| Error::remote(Exception::new("OSError", e.to_string()));
        let entries = std::fs::read_dir(path).map_err(raise)?;
        let mut names: Vec<String> = entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        Ok(names)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    logging::start_logging();
    // class MySSLServer(SSLServer)
    let classes = classes().class("MySSLServer", |class| {
        class.extends("springpython.remoting.xmlrpc.SSLServer").preset("service", |_| Ok(FilesServer::new(MyFiles)))
    });
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/server.xml");
    let context = ApplicationContext::builder().classes(classes).file(file).start().await?;
    let _ = tokio::signal::ctrl_c().await;
    context.shutdown(Duration::from_secs(10)).await;
    Ok(())
}
