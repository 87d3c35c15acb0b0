//! What is wrong before anything is called, and what cannot be reached.

mod support;

use std::io::Write;
use std::net::TcpListener;

use support::{Run, Rust, nowhere, program, run};

#[test]
fn wrong_command_lines_are_code_2() {
    for args in [
        &[][..],
        &["nothing"],
        &["call"],
        &["call", "PYRO:x@y:1"],
        &["call", "PYRO:x@y:1", "m", "--serializer", "pickel"],
        &["call", "PYRO:x@y:1", "m", "--serializer", "pickle", "--pyro", "5"],
        &["call", "PYRO:x@y:1", "m", "--pyro", "3"],
        &["call", "PYRO:x@y:1", "m", "--timeout", "soon"],
        &["call", "PYRO:x@y:1", "m", "--timeout", "0"],
        &["call", "PYRO:x@y:1", "m", "--annotation", "TOOLONG=x"],
        &["call", "PYRO:x@y:1", "m", "--annotation", "HMAC=x"],
        &["call", "PYRO:x@y:1", "m", "--nothing"],
        &["set", "PYRO:x@y:1", "a"],
        &["get", "PYRO:x@y:1", "a", "b"],
        &["ping", "PYRO:x@y:1", "--oneway"],
        &["methods", "PYRO:x@y:1", "--compact"],
    ] {
        let done = run(args);
        assert_eq!((done.code, &*done.out), (2, ""), "{args:?}: {}", done.err);
        assert!(!done.err.is_empty() && !done.err.contains('\u{1b}'), "{args:?}: {:?}", done.err);
    }
    run(&["call", "PYRO:x@y:1", "m", "--kw", "x"]).fails(2, &["--kw", "NAME=JSON"]);
    run(&["call", "PYRO:x@y:1", "m", "--kw", "x=1", "--kw", "x=2"]).fails(2, &["x=", "twice"]);
    run(&["call", "PYRO:x@y:1", "m", "{\"$bytes\": 1}"]).fails(2, &["argument 1", "base64"]);
    run(&["call", "PYRO:x@y:1", "m", "1", "--kw", "x={\"$set\": 1}"]).fails(2, &["argument x", "an array"]);
    run(&["call", "PYRO:x@y:1", "m", "--handshake", "{\"$date\": \"x\"}"]).fails(2, &["--handshake", "ISO 8601"]);
    run(&["set", "PYRO:x@y:1", "a", "{\"$float\": 1}"]).fails(2, &["the value", "as text"]);
}

#[test]
fn bad_uris_are_code_2() {
    for (uri, parts) in [
        ("ftp://localhost/RPC2", &["unknown scheme \"ftp\"", "known: PYRO: (Pyro 4 and 5), PYROLOC:// (Pyro 3)"][..]),
        ("PYROLOC://localhost:7766", &["bad Pyro 3 URI", "PYROLOC://host:port/name"]),
        ("thing", &["no scheme"]),
        ("PYRO:thing", &["@host:port"]),
        ("PYRO:thing@localhost", &["port is missing"]),
        ("PYRO:thing@localhost:99999", &["port number"]),
        ("PYRO:thing@::1:80", &["brackets"]),
        ("", &["no scheme"]),
    ] {
        for command in
            [&["call", uri, "m"][..], &["methods", uri], &["ping", uri], &["get", uri, "a"], &["set", uri, "a", "1"]]
        {
            run(command).fails(2, parts);
        }
    }
    let name = run(&["ping", "PYRONAME:example.thing"]);
    name.fails(2, &["name server"]);
    assert!(name.err.contains("hint: "), "{}", name.err);
}

#[test]
fn text_that_looks_like_json_is_sent_with_a_note() {
    let rust = Rust::start();
    let sent = run(&["call", &rust.uri, "echo", "{bad"]);
    sent.prints("\"{bad\"");
    assert!(
        sent.err.starts_with("note: argument 1 is no JSON and is sent as text: ") && sent.err.contains("column"),
        "{}",
        sent.err
    );
    let plain = run(&["call", &rust.uri, "echo", "no json at all"]);
    plain.prints("\"no json at all\"");
    assert_eq!(plain.err, "");
}

#[test]
fn a_serializer_that_cannot_is_code_2() {
    let rust = Rust::start();
    let refused = run(&["call", &rust.uri, "echo", "{\"$bytes\": \"AA==\"}", "--serializer", "json"]);
    refused.fails(2, &["bytes"]);
    assert!(refused.err.contains("--serializer"), "{}", refused.err);
}

#[test]
fn what_cannot_be_reached_is_code_3() {
    let nobody = nowhere();
    for command in [
        &["call", &nobody, "m"][..],
        &["methods", &nobody],
        &["ping", &nobody],
        &["get", &nobody, "a"],
        &["set", &nobody, "a", "1"],
        &["call", &nobody, "m", "--oneway"],
    ] {
        let done = run(command);
        done.fails(3, &["cannot connect", "refused", nobody.rsplit('@').next().unwrap()]);
        assert!(done.err.contains("hint: is the daemon running"), "{}", done.err);
        assert_eq!(done.err.lines().count(), 2, "{}", done.err);
    }
    run(&["ping", "PYRO:thing@./u:/nowhere/at/all.sock"]).fails(3, &["cannot connect", "/nowhere/at/all.sock"]);
    run(&["ping", "PYRO:thing@no-such-host.invalid:1"]).fails(3, &["cannot connect", "no-such-host.invalid"]);
}

#[test]
fn a_server_that_says_nothing_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("PYRO:thing@{}", listener.local_addr().unwrap());
    for command in [&["call", &uri, "m"][..], &["ping", &uri], &["methods", &uri]] {
        let done = run(&[command, &["--timeout", "200ms"]].concat());
        done.fails(3, &["timed out"]);
        assert!(done.err.contains("nothing was called"), "{}", done.err);
    }
}

#[test]
fn a_server_of_another_kind_is_code_3() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("PYRO:thing@{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream
                .unwrap()
                .write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
    let done = run(&["ping", &uri]);
    done.fails(3, &["PYRO", &uri[11..]]);
    assert!(done.err.contains("hint: does a Pyro daemon listen there"), "{}", done.err);
}

#[test]
fn a_connection_that_breaks_says_that_the_call_may_have_run() {
    // Lets the client in, takes the call, and hangs up.
    let rust = Rust::start();
    let to = rust.uri.rsplit('@').next().unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("PYRO:thing@{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        use std::io::Read;
        let (mut client, _) = listener.accept().unwrap();
        let mut server = std::net::TcpStream::connect(to).unwrap();
        let mut buffer = [0; 4096];
        let n = client.read(&mut buffer).unwrap();
        server.write_all(&buffer[..n]).unwrap();
        let n = server.read(&mut buffer).unwrap();
        client.write_all(&buffer[..n]).unwrap();
        let _ = client.read(&mut buffer).unwrap();
    });
    let done = run(&["call", &uri, "add", "1"]);
    done.fails(3, &["closed"]);
    assert!(done.err.contains("hint: the call was sent: it may have run"), "{}", done.err);
}

#[test]
fn help_and_version() {
    let version = run(&["--version"]);
    version.prints(&format!("springline {}", env!("CARGO_PKG_VERSION")));
    let help = run(&["--help"]);
    assert_eq!((help.code, &*help.err), (0, ""));
    for part in ["call", "get", "set", "methods", "ping", "Examples:", "Exit codes:"] {
        assert!(help.out.contains(part), "{part}: {}", help.out);
    }
    for command in ["call", "get", "set", "methods", "ping"] {
        for flag in ["--help", "-h"] {
            let help = run(&[command, flag]);
            assert_eq!(help.code, 0);
            assert!(help.out.contains(&format!("springline {command} PYRO:")), "{}", help.out);
            assert!(!help.out.contains('\u{1b}'));
        }
        assert!(run(&[command, "--help"]).out.contains("SPRINGLINE_HMAC_KEY"));
    }
    assert!(run(&["call", "--help"]).out.contains("$bytes"));
}

#[test]
fn colours_stay_off_without_a_terminal() {
    let done =
        Run::of(program().args(["call", &nowhere(), "m", "-vv"]).env("TERM", "xterm-256color").output().unwrap());
    assert!(done.code == 3 && !done.err.contains('\u{1b}'), "{:?}", done.err);
}
