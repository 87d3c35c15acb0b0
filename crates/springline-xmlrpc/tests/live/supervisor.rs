//! supervisor, a program that people administer over XML-RPC: on TCP with a password, and on a Unix socket.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use springline_core::{ErrorKind, Value};
use springline_macros::remote;
use springline_xmlrpc::client::{HttpStatus, XmlRpcProxy};
use tokio::process::{Child, Command};

use crate::call::{Failure, Outcome, PATIENCE, check, failed, fault};
use crate::peers::Scratch;
use crate::programs;
use crate::table::Cell;

const USER: &str = "admin";
const PASSWORD: &str = "s3cret";

/// The part of its interface that is called here.
#[remote(crate = "springline_core")]
trait Supervisor {
    #[remote(name = "getSupervisorVersion")]
    async fn version(&self) -> springline_core::Result<String>;
    #[remote(name = "getAllProcessInfo")]
    async fn all(&self) -> springline_core::Result<Vec<Process>>;
    #[remote(name = "getProcessInfo")]
    async fn process(&self, name: &str) -> springline_core::Result<Process>;
    #[remote(name = "startProcess")]
    async fn start(&self, name: &str, wait: bool) -> springline_core::Result<bool>;
    #[remote(name = "stopProcess")]
    async fn stop(&self, name: &str, wait: bool) -> springline_core::Result<bool>;
}

#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Process {
    name: String,
    group: String,
    statename: String,
    state: i64,
    pid: i64,
}

struct Running {
    child: Child,
    dir: PathBuf,
    port: u16,
}

impl Running {
    async fn start(scratch: &Scratch) -> Result<Self, String> {
        let dir = scratch.path("v");
        std::fs::create_dir_all(&dir).map_err(|e| e.to_string())?;
        // It binds the port itself. Should another program take it in between, the next one is tried.
        for _ in 0..5 {
            let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
            let port = free.map_err(|e| e.to_string())?.port();
            let mut running = Self::spawn(&dir, port)?;
            if running.is_up().await? {
                return Ok(running);
            }
        }
        Err(format!("supervisord does not start: {}", std::fs::read_to_string(dir.join("log")).unwrap_or_default()))
    }

    fn spawn(dir: &Path, port: u16) -> Result<Self, String> {
        let config = format!(
            "[supervisord]\nnodaemon=true\nuser=root\nlogfile={dir}/log\npidfile={dir}/pid\nchildlogdir={dir}\n\
             [inet_http_server]\nport=127.0.0.1:{port}\nusername={USER}\npassword={PASSWORD}\n\
             [unix_http_server]\nfile={dir}/s\n\
             [rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n\
             [program:sleeper]\ncommand=sleep 1000\nautostart=false\nstartsecs=0\n\
             [program:other]\ncommand=sleep 1000\nautostart=false\nstartsecs=0\n",
            dir = dir.display()
        );
        // As somebody else than root it may not say whose it is.
        let is_root = std::fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0);
        let config = if is_root { config } else { config.replace("user=root\n", "") };
        let file = dir.join("supervisord.conf");
        std::fs::write(&file, config).map_err(|e| e.to_string())?;
        let mut command = Command::new(programs::supervisord());
        command.arg("-c").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.kill_on_drop(true).spawn().map_err(|e| format!("supervisord does not start: {e}"))?;
        Ok(Self { child, dir: dir.to_owned(), port })
    }

    /// Waits until it answers; false when it has ended.
    async fn is_up(&mut self) -> Result<bool, String> {
        let unix = self.unix().map_err(|e| e.report())?;
        for _ in 0..1200 {
            if self.child.try_wait().map_err(|e| e.to_string())?.is_some() {
                return Ok(false);
            }
            let tcp = self.tcp(PASSWORD).map_err(|e| e.report())?;
            let both = (unix.call_value("getState", ()).await, tcp.call_value("getState", ()).await);
            if both.0.is_ok() && both.1.is_ok() {
                return Ok(true);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err("supervisord does not answer".to_owned())
    }

    fn tcp(&self, password: &str) -> springline_core::Result<XmlRpcProxy> {
        let url = format!("http://{USER}:{password}@127.0.0.1:{}/RPC2", self.port);
        XmlRpcProxy::builder(&url).prefix("supervisor").timeout(PATIENCE).build()
    }

    fn unix(&self) -> springline_core::Result<XmlRpcProxy> {
        let url = format!("unix:{}/s", self.dir.display());
        XmlRpcProxy::builder(&url).path("/RPC2").prefix("supervisor").timeout(PATIENCE).build()
    }

    async fn stop(mut self) {
        if let Ok(proxy) = self.unix() {
            let _ = proxy.call_value("shutdown", ()).await;
        }
        let _ = tokio::time::timeout(PATIENCE, self.child.wait()).await;
    }
}

/// All that is called of it, over both transports.
pub(crate) async fn everything(scratch: &Arc<Scratch>) -> Vec<(String, Cell)> {
    let mut all = Vec::new();
    let running = match Running::start(scratch).await {
        Ok(running) => running,
        Err(why) => return vec![("start".to_owned(), Cell::Fail(why))],
    };
    let mut add = |name: String, outcome: Outcome| {
        let cell = match outcome {
            Ok(()) => Cell::Ok,
            Err(Failure::Wrong(why) | Failure::Peer(why)) => Cell::Fail(why),
        };
        all.push((name, cell));
    };
    for (place, proxy) in [("TCP with a password", running.tcp(PASSWORD)), ("Unix socket", running.unix())] {
        let proxy = match proxy {
            Ok(proxy) => proxy,
            Err(e) => {
                add(place.to_owned(), Err(e.into()));
                continue;
            }
        };
        add(format!("getSupervisorVersion, {place}"), version(&proxy).await);
        add(format!("getAllProcessInfo, {place}"), processes(&proxy).await);
        add(format!("startProcess and stopProcess, {place}"), start_and_stop(&proxy).await);
        add(format!("faults, {place}"), faults(&proxy).await);
        add(format!("multicall, whose results come unwrapped, {place}"), multicall(&proxy).await);
        add(format!("introspection, {place}"), introspection(&proxy).await);
    }
    add("401 without and with the wrong password".to_owned(), denied(&running).await);
    running.stop().await;
    all
}

async fn version(proxy: &XmlRpcProxy) -> Outcome {
    let got = SupervisorRef::remote(proxy.clone()).version().await?;
    check!(got == "4.3.0", "got {got:?}");
    let state = proxy.call_value("getState", ()).await?;
    check!(state.field("statename").and_then(Value::as_str) == Some("RUNNING"), "got {state:?}");
    Ok(())
}

async fn processes(proxy: &XmlRpcProxy) -> Outcome {
    let mut names: Vec<String> =
        SupervisorRef::remote(proxy.clone()).all().await?.into_iter().map(|p| p.name).collect();
    names.sort();
    check!(names == ["other", "sleeper"], "got {names:?}");
    // As it came, with more fields than are asked for.
    let all = proxy.call_value("getAllProcessInfo", ()).await?;
    let first = all.as_items().and_then(|items| items.first()).cloned().unwrap_or_default();
    check!(first.field("spawnerr").is_some() && first.field("now").is_some_and(|n| n.as_i64().is_some()), "{first:?}");
    Ok(())
}

async fn start_and_stop(proxy: &XmlRpcProxy) -> Outcome {
    let supervisor = SupervisorRef::remote(proxy.clone());
    check!(supervisor.start("sleeper", true).await?, "it does not start");
    let running = supervisor.process("sleeper").await?;
    check!(running.statename == "RUNNING" && running.pid > 0 && running.state == 20, "{running:?}");
    let x = fault(supervisor.start("sleeper", true).await)?;
    check!(x.code == Some(60) && x.message.starts_with("ALREADY_STARTED"), "{x:?}");
    check!(supervisor.stop("sleeper", true).await?, "it does not stop");
    let stopped = supervisor.process("sleeper").await?;
    check!(stopped.statename == "STOPPED" && stopped.group == "sleeper", "{stopped:?}");
    Ok(())
}

async fn faults(proxy: &XmlRpcProxy) -> Outcome {
    let x = fault(proxy.call_value("startProcess", ("nobody",)).await)?;
    check!(x.code == Some(10) && x.message == "BAD_NAME: nobody", "{x:?}");
    let x = fault(proxy.call_value("noSuchMethod", ()).await)?;
    check!(x.code == Some(1) && x.message == "UNKNOWN_METHOD", "{x:?}");
    let x = fault(proxy.call_value("startProcess", ()).await)?;
    check!(x.code == Some(2) && x.message == "INCORRECT_PARAMETERS", "{x:?}");
    Ok(())
}

async fn multicall(proxy: &XmlRpcProxy) -> Outcome {
    let many = proxy.multicall().call("getSupervisorVersion", ()).call("startProcess", ("nobody",));
    let got = many.call("getAllProcessInfo", ()).call("getState", ()).unwrapped().send().await?;
    let [version, nobody, all, state] = <[_; 4]>::try_from(got).map_err(|g| Failure::Wrong(format!("{g:?}")))?;
    let version = version?;
    check!(version.as_str() == Some("4.3.0"), "{version:?}");
    let x = fault(nobody)?;
    check!(x.code == Some(10), "{x:?}");
    check!(all?.as_items().map(<[Value]>::len) == Some(2), "not two processes");
    check!(state?.field("statecode").and_then(Value::as_i64) == Some(1), "another state");
    Ok(())
}

async fn introspection(proxy: &XmlRpcProxy) -> Outcome {
    let methods = proxy.list_methods().await?;
    check!(methods.iter().any(|m| m == "supervisor.getAllProcessInfo"), "{methods:?}");
    let help = proxy.method_help("getState").await?;
    check!(help.contains("state"), "{help:?}");
    // A single list where others have a list of them.
    let signatures = proxy.method_signature("startProcess").await?.unwrap_or_default();
    check!(signatures.len() == 1 && signatures[0].result == "boolean", "{signatures:?}");
    Ok(())
}

async fn denied(running: &Running) -> Outcome {
    let nobody = XmlRpcProxy::builder(&format!("http://127.0.0.1:{}/RPC2", running.port)).timeout(PATIENCE).build()?;
    for proxy in [nobody, running.tcp("wrong")?] {
        let e = failed(proxy.call_value("supervisor.getState", ()).await, &[ErrorKind::Denied])?;
        check!(HttpStatus::of(&e).is_some_and(|s| s.status.as_u16() == 401), "{e:?}");
    }
    Ok(())
}
