//! Every command and option against a daemon of our own.

mod support;

use springline::ErrorKind;
use springline::pyro::Daemon;
use support::{Rust, Scratch, program, run};

#[test]
fn calls_print_json() {
    let rust = Rust::start();
    let uri = rust.uri.as_str();
    run(&["call", uri, "get_data", "Hello"]).prints("\"You got remote data => Hello\"");
    run(&["call", uri, "get_data", "\"5\""]).prints("\"You got remote data => 5\"");
    run(&["call", uri, "add", "1"]).prints("11");
    run(&["call", uri, "add", "-1", "-2"]).prints("-3");
    run(&["call", uri, "add", "--", "-1", "-2"]).prints("-3");
    run(&["call", uri, "add", "1", "--kw", "b=2", "--kw", "c=4"]).prints("7");
    run(&["call", "--kw", "c=4", "--timeout", "30", uri, "add", "1"]).prints("15");
    run(&["call", uri, "echo", "null"]).prints("null");
    run(&["call", uri, "echo", "[1, {\"a\": 2.5}]"]).prints("[\n  1,\n  {\n    \"a\": 2.5\n  }\n]");
    run(&["call", uri, "echo", "[1, {\"a\": 2.5}]", "--compact"]).prints("[1,{\"a\":2.5}]");
    run(&["call", uri, "echo", "-0.5e3"]).prints("-500.0");
    run(&["call", uri, "echo", "--", "--text"]).prints("\"--text\"");
    let big = "123456789012345678901234567890";
    run(&["call", uri, "echo", big]).prints(big);
}

#[test]
fn values_that_json_has_no_word_for() {
    let rust = Rust::start();
    let uri = rust.uri.as_str();
    for (typed, printed) in [
        (r#"{"$bytes": "AAECAw=="}"#, r#"{"$bytes":"AAECAw=="}"#),
        (r#"{"$complex": [1, -2]}"#, r#"{"$complex":[1.0,-2.0]}"#),
        (r#"{"$tuple": [1, 2]}"#, "[1,2]"),
        (r#"{"$set": [1]}"#, "[1]"),
        (r#"{"$float": "NaN"}"#, "\"NaN\""),
        (r#"{"$map": [[{"$tuple": [1]}, "a"]]}"#, r#"{"$map":[[[1],"a"]]}"#),
        (r#"{"__class__": "bank.Account", "balance": 3}"#, r#"{"__class__":"bank.Account","balance":3}"#),
    ] {
        run(&["call", uri, "echo", typed, "--compact", "--serializer", "marshal"]).prints(printed);
    }
    for date in ["2020-01-02", "2020-01-02T03:04:05.000678"] {
        let typed = format!("{{\"$date\": \"{date}\"}}");
        run(&["call", uri, "echo", &typed, "--serializer", "msgpack"]).prints(&format!("\"{date}\""));
    }
    let remote = format!(r#"{{"$remote": "{uri}"}}"#);
    run(&["call", uri, "kinds", &remote]).prints_part("Remote(");
    run(&["call", uri, "echo", &remote]).prints(&format!("\"{uri}\""));
}

#[test]
fn every_serializer_and_generation() {
    let rust = Rust::start();
    let uri = rust.uri.as_str();
    for serializer in ["serpent", "json", "marshal", "msgpack"] {
        for (generation, protocol) in
            [("auto", "pyro5/502"), ("4", "pyro4/48"), ("5", "pyro5/502"), ("5.0", "pyro5/501")]
        {
            let options = ["--serializer", serializer, "--pyro", generation, "--compact"];
            let done = run(&[&["call", uri, "peer"], &options[..]].concat());
            done.prints(&format!("[\"{protocol}\",null]"));
        }
    }
    let same: Vec<String> = ["serpent", "json", "marshal", "msgpack"]
        .iter()
        .map(|s| run(&["call", uri, "kinds", r#"{"$tuple": [1, "a"]}"#, "--serializer", s]).out)
        .collect();
    // The serializer that was asked for is the one in use: two of them have tuples, two have lists only.
    assert_eq!(same[0], same[2]);
    assert_eq!(same[1], same[3]);
    assert_ne!(same[0], same[1]);
}

#[test]
fn attributes_are_read_and_set() {
    let rust = Rust::start();
    let uri = rust.uri.as_str();
    run(&["get", uri, "value"]).prints("\"initial\"");
    let set = run(&["set", uri, "value", "[1, 2]"]);
    assert_eq!((set.code, &*set.out, &*set.err), (0, "", ""));
    run(&["get", uri, "value", "--compact"]).prints("[1,2]");
    run(&["get", uri, "value"]).prints("[\n  1,\n  2\n]");
    assert_eq!(run(&["set", uri, "value", "-1", "--serializer", "json", "--pyro", "4"]).code, 0);
    run(&["get", uri, "value", "--serializer", "marshal"]).prints("-1");
    run(&["get", uri, "nothing"]).fails(1, &["AttributeError", "nothing"]);
    run(&["set", uri, "nothing", "1"]).fails(1, &["AttributeError", "nothing"]);
}

#[test]
fn oneway_calls_print_nothing() {
    let rust = Rust::start();
    let uri = rust.uri.as_str();
    let sent = run(&["call", uri, "fire", "a", "--oneway"]);
    assert_eq!((sent.code, &*sent.out, &*sent.err), (0, "", ""));
    // The daemon says that `fire` is oneway; the option says it of any method.
    run(&["call", uri, "fire", "b"]).prints("null");
    assert_eq!(run(&["call", uri, "get_data", "c", "--oneway"]).out, "");
    let heard = (0..600).find(|_| {
        let both = run(&["call", uri, "fired", "--compact"]).out;
        both.contains("\"a\"") && both.contains("\"b\"")
    });
    assert!(heard.is_some(), "oneway calls did not arrive");
}

#[test]
fn methods_are_listed() {
    let rust = Rust::start();
    let uri = rust.uri.as_str();
    let listed = run(&["methods", uri]);
    let lines: Vec<&str> = listed.out.lines().collect();
    assert_eq!((listed.code, &*listed.err), (0, ""));
    assert_eq!(lines.len(), 13, "{lines:?}");
    assert_eq!((lines[0], lines[4], lines[6]), ("add", "fail", "fired"));
    assert_eq!((lines[5], lines[12]), ("fire   oneway", "value  attribute"));
    let json: serde_json::Value = serde_json::from_str(&run(&["methods", uri, "--json"]).out).unwrap();
    assert_eq!(json["uri"], uri);
    assert_eq!(json["methods"][5], serde_json::json!({"name": "fire", "oneway": true}));
    assert_eq!(json["attributes"], serde_json::json!(["value"]));
    assert_eq!(run(&["methods", uri, "--json", "--compact"]).out.lines().count(), 1);
}

#[test]
fn ping_tells_the_protocol() {
    let rust = Rust::start();
    let uri = rust.uri.as_str();
    let alive = run(&["ping", uri, "--timeout", "60"]);
    assert!(alive.code == 0 && alive.out.starts_with(&format!("{uri} is alive (pyro5/502, ")), "{}", alive.out);
    assert!(run(&["ping", uri, "--pyro", "4"]).out.contains("(pyro4/48, "));
    run(&["ping", &uri.replace("thing", "nothing")]).fails(3, &["unknown object"]);
}

#[test]
fn exceptions_are_code_1() {
    let rust = Rust::start();
    let uri = rust.uri.as_str();
    for generation in ["4", "5"] {
        let failed = run(&["call", uri, "fail", "ValueError", "no good", "--pyro", generation]);
        failed.fails(1, &["ValueError: no good", uri]);
        assert_eq!(failed.err.lines().count(), 1, "{}", failed.err);
        run(&["call", uri, "fail", "bank.BankError", "closed", "--pyro", generation])
            .fails(1, &["bank.BankError: closed"]);
    }
    let unknown = run(&["call", uri, "nothing"]);
    unknown.fails(1, &["AttributeError", "'nothing'"]);
    assert!(unknown.err.contains("hint: `springline methods URI`"), "{}", unknown.err);
    run(&["call", uri, "add"]).fails(1, &["TypeError", "'a'"]);
    run(&["call", uri, "add", "1", "--kw", "d=1"]).fails(1, &["TypeError", "'d'"]);
    // More than one line, and orders to the terminal, are shown instead of sent.
    let escape = run(&["call", uri, "fail", "ValueError", "a\u{1b}[2Jb\nc"]);
    escape.fails(1, &["a\\u{1b}[2Jb\\nc"]);
    let told = run(&["call", uri, "fail", "ValueError", "x", "-v"]);
    assert!(told.err.contains("  code = 42\n"), "{}", told.err);
}

#[test]
fn time_runs_out() {
    let rust = Rust::start();
    let uri = rust.uri.as_str();
    let late = run(&["call", uri, "slow", "60", "--timeout", "300ms"]);
    late.fails(3, &["timed out", "slow()"]);
    assert!(late.err.contains("hint: the call was sent: it may have run"), "{}", late.err);
    run(&["call", uri, "slow", "0.01", "--timeout", "60s"]).prints("\"done\"");
}

#[test]
fn annotations_and_verbosity() {
    let rust = Rust::start();
    let uri = rust.uri.as_str();
    let args = ["call", uri, "annotation", "USER", "--annotation", "USER=me=you", "--annotation", "ABCD=x"];
    run(&args).prints("\"me=you\"");
    assert_eq!(run(&args).err, "");
    for generation in ["4", "5"] {
        let said = run(&[&args[..], &["-v", "--pyro", generation]].concat());
        said.prints("\"me=you\"");
        for part in ["connected", "ANSW", "of the method"] {
            assert!(said.err.contains(part), "{part}: {}", said.err);
        }
        assert!(!said.err.contains('\u{1b}'), "colours where there is no terminal: {:?}", said.err);
    }
    assert!(run(&[&args[..], &["-vv"]].concat()).err.contains("connected"));
    let quiet = support::Run::of(program().args(args).arg("-vv").env("RUST_LOG", "off").output().unwrap());
    assert_eq!(quiet.err, "");
}

#[test]
fn handshake_data() {
    let builder = Daemon::builder().on_handshake(|handshake| match handshake.data.as_str() {
        Some("open sesame") => Ok("welcome".into()),
        _ => Err(springline::Error::new(ErrorKind::Denied, "handshake refused")),
    });
    let rust = Rust::with(builder, "127.0.0.1:0");
    let uri = rust.uri.as_str();
    let refused = run(&["call", uri, "peer"]);
    refused.fails(3, &["handshake refused"]);
    assert!(refused.err.contains("hint: ") && refused.err.contains("--handshake"), "{}", refused.err);
    for generation in ["4", "5"] {
        for data in ["open sesame", "\"open sesame\""] {
            let done = run(&["call", uri, "peer", "--compact", "--handshake", data, "--pyro", generation]);
            assert!(done.out.contains(",\"open sesame\"]"), "{}{}", done.out, done.err);
        }
    }
}

#[test]
fn keys_from_file_or_environment() {
    let rust = Rust::with(Daemon::builder().hmac_key("secret"), "127.0.0.1:0");
    let uri = rust.uri.as_str();
    let file = Scratch::file("key", b"secret\n");
    let windows = Scratch::file("key-crlf", b"secret\r\n");
    let hello = ["call", uri, "get_data", "x"];
    let answer = "\"You got remote data => x\"";
    run(&[&hello[..], &["--hmac-key-file", file.path()]].concat()).prints(answer);
    run(&[&hello[..], &["--hmac-key-file", windows.path(), "--pyro", "4"]].concat()).prints(answer);
    let with = |key: &str, more: &[&str]| {
        support::Run::of(program().args(hello).args(more).env("SPRINGLINE_HMAC_KEY", key).output().unwrap())
    };
    with("secret", &[]).prints(answer);
    // The file counts where both are there.
    with("wrong", &["--hmac-key-file", file.path()]).prints(answer);
    let refused = with("wrong", &[]);
    refused.fails(3, &["denied"]);
    assert!(refused.err.contains("SPRINGLINE_HMAC_KEY"), "{}", refused.err);
    assert!(!refused.err.contains("wrong") && !refused.err.contains("secret"), "{}", refused.err);
    assert!(run(&hello).code == 3 && with("", &[]).code == 3);
    with("secret", &["--pyro", "5"]).fails(2, &["502", "has no hmac keys"]);
    let empty = Scratch::file("key-empty", b"\n");
    run(&[&hello[..], &["--hmac-key-file", empty.path()]].concat()).fails(2, &["is empty"]);
    run(&[&hello[..], &["--hmac-key-file", "/nowhere/key"]].concat()).fails(2, &["/nowhere/key", "cannot be read"]);
    // No option takes the key itself.
    assert_eq!(run(&[&hello[..], &["--hmac-key", "secret"]].concat()).code, 2);
}

#[test]
fn compression() {
    let rust = Rust::with(Daemon::builder().compression(true), "127.0.0.1:0");
    let text = "abc".repeat(20_000);
    for generation in ["4", "5"] {
        let done = run(&["call", &rust.uri, "echo", &text, "--compress", "--pyro", generation]);
        done.prints(&format!("\"{text}\""));
    }
    // A request of this size passes only when it was made smaller.
    let mut limits = springline::Limits::new();
    limits.message_size = 5_000;
    let small = Rust::with(Daemon::builder().limits(limits), "127.0.0.1:0");
    run(&["call", &small.uri, "kinds", &"abc".repeat(1000)]).prints_part("abcabc");
    assert_eq!(run(&["call", &small.uri, "annotation", &text]).code, 3);
    run(&["call", &small.uri, "annotation", &text, "--compress"]).prints("null");
}

#[test]
fn unix_sockets_and_ipv6() {
    let path = std::env::temp_dir().join(format!("springline-cli-{}.sock", std::process::id()));
    let unix = Rust::with(Daemon::builder(), &format!("unix:{}", path.display()));
    assert!(unix.uri.starts_with("PYRO:thing@./u:"), "{}", unix.uri);
    run(&["call", &unix.uri, "add", "1"]).prints("11");
    let six = Rust::with(Daemon::builder(), "[::1]:0");
    run(&["call", &six.uri, "add", "1"]).prints("11");
    run(&["call", &six.uri.replace("PYRO:", "pyro:"), "add", "1"]).prints("11");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let rust = Rust::start();
    for args in [
        &["methods", &rust.uri][..],
        &["methods", &rust.uri, "--json"],
        &["call", &rust.uri, "big_text", "3000000"],
        &["call", &rust.uri, "many"],
        &["ping", &rust.uri],
        &["get", &rust.uri, "value"],
        &["--help"],
        &["--version"],
        &["call", "--help"],
    ] {
        let mut child = program()
            .args(args)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let done = support::Run::of(child.wait_with_output().unwrap());
        assert_eq!((done.code, &*done.err), (0, ""), "{args:?}");
    }
}

#[test]
fn daemon_objects_can_be_called_too() {
    let rust = Rust::start();
    let daemon = rust.uri.replace("thing", "Pyro.Daemon");
    run(&["call", &daemon, "registered", "--compact"]).prints("[\"Pyro.Daemon\",\"thing\"]");
    run(&["ping", &daemon]).prints_part("is alive");
}
