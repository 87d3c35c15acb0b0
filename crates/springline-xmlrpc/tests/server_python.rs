//! The server, called by CPython's `xmlrpc.client`.

#[path = "support/peers.rs"]
mod peers;

use std::path::PathBuf;
use std::process::Stdio;

use springline_core::{DateTime, Error, Exception, Result, Value, context};
use springline_net::tls::CertReqs;
use springline_xmlrpc::FaultDialect;
use springline_xmlrpc::server::{XmlRpcServer, XmlRpcServerBuilder, certificate};

fn cert(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../certs").join(name)
}

fn builder() -> XmlRpcServerBuilder {
    XmlRpcServer::builder()
        .register_function("pow", ["x", "y"], |(x, y): (i64, u32)| async move { Ok(x.pow(y)) })
        .doc("x to the power of y.")
        .register_sync("echo", ["value"], |(value,): (Value,)| Ok(value))
        .register_sync("tomorrow", ["day"], |(day,): (DateTime,)| Ok(day))
        .register_sync("fail", [], |()| -> Result<i64> { Err(Error::remote(Exception::new("ValueError", "boom"))) })
        .register_sync("who", [], |()| {
            let name = certificate().and_then(|c| c.field("commonName")).unwrap_or_default();
            let peer = context::peer().map(|p| p.address.clone()).unwrap_or_default();
            Ok((name, peer))
        })
}

/// Runs a program that knows the server as `url` and the sample certificates' folder as `certs`.
async fn python(url: &str, program: &str) {
    let prelude = "import gzip, http.client, socket, ssl, sys, time, xmlrpc.client\nurl, certs = sys.argv[1:]\n";
    let mut command = tokio::process::Command::new(peers::python3());
    command.args(["-c", &format!("{prelude}{program}\nprint('all is well')"), url]).arg(cert(""));
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(std::time::Duration::from_secs(120), command.output());
    let output = output.await.expect("Python does not end").unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.ends_with("all is well\n"), "{out}\n{err}");
}

#[tokio::test]
async fn over_plain_http() {
    let server = builder().bind("127.0.0.1:0").await.unwrap();
    let program = r#"
server = xmlrpc.client.ServerProxy(url)
assert server.pow(41, 3) == 68921
assert "pow" in server.system.listMethods()
assert server.system.methodHelp("pow") == "x to the power of y."
assert server.system.methodSignature("pow") == [["int", "int", "int"]]
many = xmlrpc.client.MultiCall(server)
many.pow(2, 3)
many.nope()
many.echo("x")
results = many()
assert results[0] == 8 and results[2] == "x"
try:
    results[1]
    raise SystemExit("no fault")
except xmlrpc.client.Fault as fault:
    assert fault.faultCode == -32601, fault
for value in [1, True, 1.5, "caf\u00e9 \U0001f600 <&>", [1, ["a"]], {"a": {"b": 1}}, xmlrpc.client.Binary(b"\x00\xff"), "", [], {}]:
    assert server.echo(value) == value, value
day = xmlrpc.client.DateTime("20261122T07:57:16")
assert server.tomorrow(day) == day
try:
    server.fail()
    raise SystemExit("no fault")
except xmlrpc.client.Fault as fault:
    assert (fault.faultCode, fault.faultString) == (-32500, "ValueError: boom") or "boom" in fault.faultString, fault
# One connection for all of that.
address = server.who()[1]
assert server.who()[1] == address
# What is large is packed, both ways.
class Packing(xmlrpc.client.Transport):
    encode_threshold = 1
    packed = 0
    def parse_response(self, response):
        if response.getheader("Content-Encoding") == "gzip":
            Packing.packed += 1
        return super().parse_response(response)
packing = xmlrpc.client.ServerProxy(url, transport=Packing())
text = "again and " * 1000
assert packing.echo(text) == text and Packing.packed == 1
assert packing.echo("short") == "short" and Packing.packed == 1
# Declared encodings.
latin = xmlrpc.client.ServerProxy(url, encoding="iso-8859-1")
assert latin.echo("caf\u00e9 \u20ac") == "caf\u00e9 \u20ac"
try:
    xmlrpc.client.ServerProxy(url.replace("/RPC2", "/nowhere")).pow(1, 1)
    raise SystemExit("no error")
except xmlrpc.client.ProtocolError as e:
    assert e.errcode == 404, e
"#;
    python(&server.url(), program).await;
}

#[tokio::test]
async fn as_pythons_own_server_answers() {
    let server = builder()
        .fault_dialect(FaultDialect::Python)
        .basic_auth_user("peers", "user", "pa:ss w\u{f6}rd")
        .bind("127.0.0.1:0")
        .await
        .unwrap();
    let program = r#"
good = url.replace("http://", "http://user:pa%3Ass%20w%C3%B6rd@")
server = xmlrpc.client.ServerProxy(good)
for call, text in [(server.fail, "<class 'ValueError'>:boom"),
                   (server.nope, "<class 'Exception'>:method \"nope\" is not supported")]:
    try:
        call()
        raise SystemExit("no fault")
    except xmlrpc.client.Fault as fault:
        assert (fault.faultCode, fault.faultString) == (1, text), fault
try:
    xmlrpc.client.ServerProxy(url).pow(1, 1)
    raise SystemExit("no error")
except xmlrpc.client.ProtocolError as e:
    assert e.errcode == 401 and "peers" in e.headers["Www-Authenticate"], e
"#;
    python(&server.url(), program).await;
}

#[tokio::test]
async fn over_tls_encrypted_only() {
    let server =
        builder().keyfile(cert("server-key.pem")).certfile(cert("server-cert.pem")).bind("127.0.0.1:0").await.unwrap();
    assert!(server.url().starts_with("https://"));
    let program = r#"
context = ssl.create_default_context(cafile=certs + "/ca-chain.pem")
# Somebody who connects and says nothing holds up nobody.
silent = [socket.create_connection(("127.0.0.1", int(url.split(":")[2].split("/")[0]))) for _ in range(20)]
server = xmlrpc.client.ServerProxy(url, context=context)
assert server.pow(41, 3) == 68921 and server.who()[0] == ""
text = "x" * 300000
assert server.echo(text) == text
# Longer than the connection's buffers are kept.
time.sleep(0.5)
address = server.who()[1]
time.sleep(0.5)
assert server.who()[1] == address
try:
    xmlrpc.client.ServerProxy(url, context=ssl.create_default_context()).pow(1, 1)
    raise SystemExit("no error")
except ssl.SSLCertVerificationError:
    pass
# Plain HTTP to a port of TLS.
try:
    xmlrpc.client.ServerProxy(url.replace("https", "http")).pow(1, 1)
    raise SystemExit("no error")
except (http.client.HTTPException, ConnectionError):
    pass
"#;
    python(&server.url(), program).await;
    server.reload_certificates().unwrap();
}

#[tokio::test]
async fn over_tls_with_certificates() {
    let server = builder()
        .keyfile(cert("server-key.pem"))
        .certfile(cert("server-cert.pem"))
        .ca_certs(cert("ca-chain.pem"))
        .cert_reqs(CertReqs::Required)
        .verify_fields([("commonName", "My Client"), ("organizationName", "My Company")])
        .bind("127.0.0.1:0")
        .await
        .unwrap();
    let program = r#"
context = ssl.create_default_context(cafile=certs + "/ca-chain.pem")
try:
    xmlrpc.client.ServerProxy(url, context=context).pow(1, 1)
    raise SystemExit("no error")
except (ssl.SSLError, ConnectionError, http.client.RemoteDisconnected):
    pass
context.load_cert_chain(certs + "/client-cert.pem", certs + "/client-key.pem")
server = xmlrpc.client.ServerProxy(url, context=context)
assert server.pow(41, 3) == 68921
assert server.who()[0] == "My Client"
time.sleep(0.5)
assert server.who()[0] == "My Client"
"#;
    python(&server.url(), program).await;

    let server = builder()
        .keyfile(cert("server-key.pem"))
        .certfile(cert("server-cert.pem"))
        .ca_certs(cert("ca-chain.pem"))
        .cert_reqs(CertReqs::Optional)
        .verify_fields([("commonName", "Somebody Else")])
        .bind("127.0.0.1:0")
        .await
        .unwrap();
    let program = r#"
context = ssl.create_default_context(cafile=certs + "/ca-chain.pem")
context.load_cert_chain(certs + "/client-cert.pem", certs + "/client-key.pem")
try:
    xmlrpc.client.ServerProxy(url, context=context).pow(1, 1)
    raise SystemExit("no error")
except (ssl.SSLError, ConnectionError, http.client.RemoteDisconnected) as e:
    assert "Somebody" not in str(e)
"#;
    python(&server.url(), program).await;
}
