//! The two programs, and what they print.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Command, Stdio};

#[test]
fn server_and_client() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let mut server = Command::new(env!("CARGO_BIN_EXE_server"))
        .env("SERVICE_PORT", &port)
        .env("RUST_LOG", "springline=debug")
        .env("NO_COLOR", "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let client = Command::new(env!("CARGO_BIN_EXE_client")).env("SERVICE_PORT", &port).env_remove("RUST_LOG").output();
    let stopped = Command::new("kill").args(["-INT", &server.id().to_string()]).status().unwrap();
    let status = server.wait().unwrap();
    let mut log = String::new();
    server.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert_eq!(line, format!("service_exporter: PYROLOC://127.0.0.1:{port}/ServiceName\n"), "{log}");
    assert_eq!(String::from_utf8(client.unwrap().stdout).unwrap(), "CLIENT: You got remote data => Hello\n");
    assert!(stopped.success() && status.success());
    for part in [
        "scanning the configuration for object definitions",
        "found an object definition id=\"remoteService\"",
        "creating an instance id=\"remoteService\" class=\"server.Service\"",
        "the object is stored as a singleton id=\"service_exporter\"",
        "starting an exporter id=\"service_exporter\"",
        "exported",
        "stopped id=\"service_exporter\"",
    ] {
        assert!(log.contains(part), "{part:?} is not in: {log}");
    }
}
