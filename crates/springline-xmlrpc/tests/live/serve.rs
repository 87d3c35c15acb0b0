//! A peer calls Rust: its client against servers of ours.

use springline_net::Address;
use springline_net::tls::CertReqs;
use springline_xmlrpc::server::{XmlRpcServer, XmlRpcServerBuilder};
use springline_xmlrpc::{NonFinite, WriteOptions};

use crate::peers::{Answer, Client, Scratch, run};
use crate::table::{Cell, Column, Direction, Peer, Table, Way};
use crate::thing::serve_all;
use crate::{Plan, XMLRPC_ROW};

/// Whom the server with authentication lets in.
pub(crate) const USER: &str = "user";
pub(crate) const PASSWORD: &str = "pa:ss w\u{f6}rd";

/// What the servers of the third way ask of a client's certificate, as in the original's manual.
pub(crate) const FIELDS: [(&str, &str); 3] =
    [("commonName", "My Client"), ("organizationName", "My Company"), ("stateOrProvinceName", "My State")];

/// A builder with TLS as the way has it.
pub(crate) fn builder(scratch: &Scratch, way: Way) -> XmlRpcServerBuilder {
    let mut write = WriteOptions::new().allow_none();
    write.non_finite = NonFinite::Python;
    let builder = XmlRpcServer::builder().write_options(write);
    let encrypted = |builder: XmlRpcServerBuilder| {
        builder.keyfile(scratch.cert("server-key.pem")).certfile(scratch.cert("server-cert.pem"))
    };
    let required = |builder: XmlRpcServerBuilder| {
        encrypted(builder).ca_certs(scratch.cert("ca-chain.pem")).cert_reqs(CertReqs::Required)
    };
    match way {
        Way::Plain => builder,
        Way::Tls => encrypted(builder),
        Way::Cert => required(builder),
        Way::Fields => required(builder).verify_fields(FIELDS),
    }
}

/// The URL of a server; by name where there are certificates, since Python 2.7 does not find addresses in them.
pub(crate) fn url(server: &XmlRpcServer, way: Way) -> String {
    match server.address() {
        Address::Tcp(_, port) if way != Way::Plain => format!("https://localhost:{port}/RPC2"),
        _ => server.url(),
    }
}

/// The servers of one column.
struct Servers {
    plain: XmlRpcServer,
    strict: XmlRpcServer,
    auth: XmlRpcServer,
    unix: Option<XmlRpcServer>,
}

impl Servers {
    async fn start(scratch: &Scratch, way: Way) -> springline_core::Result<Self> {
        let free = "127.0.0.1:0";
        let own = || serve_all(builder(scratch, way));
        let unix = format!("unix:{}", scratch.path("r").display());
        Ok(Self {
            plain: own().bind(free).await?,
            strict: own().write_options(WriteOptions::new()).bind(free).await?,
            auth: own().basic_auth_user("peers", USER, PASSWORD).bind(free).await?,
            unix: if way == Way::Plain { Some(own().bind(&unix).await?) } else { None },
        })
    }
}

/// Fills the P>R column of a peer and way.
pub(crate) async fn column(plan: &Plan, table: &Table, scratch: &Scratch, peer: Peer, way: Way) {
    let column = Column { peer, way, direction: Direction::PeerToRust };
    let servers = match Servers::start(scratch, way).await {
        Ok(servers) => servers,
        Err(e) => return table.set("call", column, Cell::Fail(format!("no server: {}", e.report()))),
    };
    let (main, strict, auth) = (url(&servers.plain, way), url(&servers.strict, way), url(&servers.auth, way));
    let mut args = vec!["--url", &*main, "--auth", &*auth];
    let unix = servers.unix.as_ref().map(|unix| unix.url().replacen("unix:", "", 1));
    if peer != Peer::C {
        args.extend(["--strict", &*strict, "--http10", &*main]);
        args.extend(unix.iter().flat_map(|unix| ["--unix", unix]));
    }
    let features = plan.client_args();
    args.extend(&features);
    match Client::start(scratch, peer, way, &args).finish().await {
        Err(why) => table.set("call", column, Cell::Fail(why)),
        Ok(answers) if answers.is_empty() && plan.is_whole() => {
            table.set("call", column, Cell::Fail("the client tried nothing".to_owned()));
        }
        Ok(answers) => {
            for Answer { feature, ok, detail } in answers {
                let cell = match ok {
                    Some(true) => Cell::Ok,
                    Some(false) => Cell::Fail(detail),
                    None => Cell::Na(detail),
                };
                table.set(&feature, column, cell);
            }
        }
    }
    if plan.wants(XMLRPC_ROW) {
        let cell = match (peer, way) {
            (Peer::C, Way::Plain) => xmlrpc_command(&main).await.map_or_else(Cell::Fail, |()| Cell::Ok),
            (Peer::C, _) => Cell::Na("the command trusts the system's authorities only".to_owned()),
            _ => Cell::Na("the command is xmlrpc-c's".to_owned()),
        };
        table.set(XMLRPC_ROW, column, cell);
    }
}

/// xmlrpc-c's command line client.
async fn xmlrpc_command(url: &str) -> Result<(), String> {
    let call = async |args: &[&str], wanted: &str, succeeds: bool| {
        let (text, success) = run("xmlrpc", &[&[url], args].concat()).await?;
        if success == succeeds && text.contains(wanted) { Ok(()) } else { Err(format!("{args:?}: {text}")) }
    };
    call(&["pow", "i/41", "i/3"], "Integer: 68921", true).await?;
    call(&["get_data", "s/caf\u{e9}"], r"String: 'You got remote data => caf\xc3\xa9'", true).await?;
    call(&["special", "s/array_mixed"], "Bit string: 00ff", true).await?;
    call(&["special", "s/i8"], "64-bit integer: 9007199254740993", true).await?;
    call(&["nothing"], "Nil", true).await?;
    call(&["fail", "i/42", "s/no good"], "no good", false).await?;
    call(&["system.methodHelp", "s/get_data"], "Says what it was sent.", true).await
}
