//! XML-RPC and Hessian services on one port, under different paths, called by CPython and by Java at the same time.
#![cfg(all(feature = "hessian", feature = "xmlrpc"))]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use springline::hessian::client::HessianProxy;
use springline::hessian::http::HttpServer;
use springline::hessian::server::HessianServiceExporter;
use springline::xmlrpc::client::XmlRpcProxy;
use springline::xmlrpc::server::XmlRpcServer;
use springline::{ErrorKind, FnService, Result};

fn target() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) if !dir.is_empty() => workspace.join(dir),
        _ => workspace.join("target"),
    }
}

fn peer(path: &str) -> PathBuf {
    let file = target().join("peers").join(path);
    assert!(file.exists(), "{} is missing: run `cargo xtask peers`", file.display());
    file
}

fn service(who: &'static str) -> FnService {
    let say = move |(param,): (String,)| async move { Ok(format!("{who} got {param}")) };
    let get_data = |(param,): (String,)| async move { Ok(format!("You got remote data => {param}")) };
    FnService::new("Service").method("say", ["param"], say).method("getData", ["param"], get_data)
}

fn text(done: &Output) -> String {
    String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr)
}

#[test]
fn one_listener_for_both() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (server, address) = runtime.block_on(async {
        let xmlrpc = XmlRpcServer::builder().register_service("", service("xmlrpc")).handler()?;
        let one = HessianServiceExporter::builder(service("one")).handler()?;
        let two = HessianServiceExporter::builder(service("two")).handler()?;
        let server = HttpServer::builder().mount("/RPC2", xmlrpc).mount("/one", one).mount("/two", two);
        let server = server.bind(&"127.0.0.1:0".parse()?).await?;
        let address = server.local_address().to_string();
        Ok::<_, springline::Error>((server, address))
    })?;

    let lines = format!(
        "from xmlrpc.client import ServerProxy\nserver = ServerProxy('http://{address}/RPC2')\n\
         for i in range(20):\n    assert server.say(str(i)) == 'xmlrpc got %d' % i\nprint('done')"
    );
    let mut python = Command::new(peer("python/bin/python"));
    python.args(["-c", &lines]);
    let mut java = Command::new("java");
    let url = format!("http://{address}/two");
    java.args(["--add-opens", "java.base/java.lang=ALL-UNNAMED"])
        .arg("-cp")
        .arg(format!("{}:/usr/share/java/hessian.jar", peer("hessian/peers.jar").display()));
    java.args(["peer.Client", "--url", &url, "--dialect", "mixed"]);
    java.args(["--feature", "get_data", "--feature", "keep_alive"]);
    let (python, java) = std::thread::scope(|scope| {
        let python = scope.spawn(move || python.output().unwrap());
        let java = scope.spawn(move || java.output().unwrap());
        (python.join().unwrap(), java.join().unwrap())
    });
    assert_eq!(text(&python), "done\n");
    assert!(java.status.success(), "{}", text(&java));
    assert_eq!(text(&java).matches("\"ok\": true").count(), 2, "{}", text(&java));

    runtime.block_on(async {
        // The proxies of both protocols, whose paths are another's.
        let at = |path: &str| HessianProxy::new(&format!("http://{address}{path}"));
        assert_eq!(at("/one")?.call::<String>("say", ("x",)).await?, "one got x");
        assert_eq!(at("/two")?.call::<String>("say", ("x",)).await?, "two got x");
        let xmlrpc = XmlRpcProxy::new(&format!("http://{address}/RPC2"))?;
        assert_eq!(xmlrpc.call::<String>("say", ("x",)).await?, "xmlrpc got x");
        let wrong = at("/RPC2")?.call::<String>("say", ("x",)).await.unwrap_err();
        assert_eq!(wrong.kind(), ErrorKind::Protocol, "{wrong}");
        let wrong = XmlRpcProxy::new(&format!("http://{address}/one"))?.call::<String>("say", ("x",)).await;
        assert_eq!(wrong.unwrap_err().kind(), ErrorKind::Protocol);
        let nowhere = at("/three")?.call::<String>("say", ("x",)).await.unwrap_err();
        assert_eq!(nowhere.kind(), ErrorKind::NotFound, "{nowhere}");
        assert_eq!(server.shutdown(std::time::Duration::from_secs(30)).await, 0);
        Ok(())
    })
}
