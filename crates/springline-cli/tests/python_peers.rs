//! The same commands against Python's own Pyro4 4.82 and Pyro5 5.17.

mod support;

use support::{Python, Run, Scratch, program, run};

#[test]
fn calls_in_every_serializer() {
    for generation in [4, 5] {
        let python = Python::start(generation, &[]);
        let uri = python.uri.as_str();
        for serializer in ["serpent", "json", "marshal", "msgpack"] {
            let with = |args: &[&str]| run(&[args, &["--serializer", serializer, "--compact"]].concat());
            with(&["call", uri, "get_data", "Hello"]).prints("\"You got remote data => Hello\"");
            with(&["call", uri, "add", "1", "--kw", "b=2", "--kw", "c=4"]).prints("7");
            with(&["call", uri, "echo", "[1, 2.5, null, \"é\", {\"a\": true}]"])
                .prints("[1,2.5,null,\"é\",{\"a\":true}]");
            let big = "123456789012345678901234567890";
            with(&["call", uri, "echo", big]).prints(big);
            with(&["call", uri, "fail", "value", "no good"]).fails(1, &["ValueError: no good"]);
            with(&["get", uri, "value"]).prints("\"initial\"");
            let set = |name: &str, value: &str| run(&["set", uri, name, value, "--serializer", serializer]);
            let new = format!("\"set in {serializer}\"");
            let done = set("value", &new);
            assert_eq!((done.code, &*done.out, &*done.err), (0, "", ""));
            with(&["get", uri, "value"]).prints(&new);
            assert_eq!(set("value", "initial").code, 0);
            set("readonly", "1").fails(1, &["AttributeError"]);
            with(&["call", uri, "types", "{\"$tuple\": []}"]).prints(if matches!(serializer, "json" | "msgpack") {
                "\"list\""
            } else {
                "\"tuple\""
            });
            if serializer != "json" {
                with(&["call", uri, "size", "{\"$bytes\": \"AAECAw==\"}"]).prints("4");
                with(&["call", uri, "blob", "3"]).prints("{\"$bytes\":\"AAEC\"}");
            }
        }
    }
}

#[test]
fn what_the_object_offers() {
    for (generation, protocol) in [(4, "pyro4/48"), (5, "pyro5/502")] {
        let python = Python::start(generation, &[]);
        let uri = python.uri.as_str();
        let listed = run(&["methods", uri]);
        let lines: Vec<&str> = listed.out.lines().collect();
        assert_eq!((listed.code, &*listed.err), (0, ""));
        for line in ["get_data", "add", "fire      oneway", "value     attribute", "readonly  attribute"] {
            assert!(lines.contains(&line), "{line}: {lines:?}");
        }
        assert!(!listed.out.contains("_private") && !listed.out.contains("hidden"));
        let json: serde_json::Value = serde_json::from_str(&run(&["methods", uri, "--json"]).out).unwrap();
        assert_eq!(json["attributes"], serde_json::json!(["readonly", "value"]));
        assert!(run(&["ping", uri]).out.contains(&format!("({protocol}, ")));
        run(&["call", uri, "hidden"]).fails(1, &["AttributeError"]);
        run(&["ping", &uri.replace("thing", "nothing")]).fails(3, &["unknown object"]);
    }
}

#[test]
fn oneway_annotations_and_tracebacks() {
    for generation in [4, 5] {
        let python = Python::start(generation, &[]);
        let uri = python.uri.as_str();
        assert_eq!(run(&["call", uri, "fire", "a"]).code, 0);
        assert_eq!(run(&["call", uri, "fire", "b", "--oneway"]).out, "");
        let heard = (0..600).find(|_| {
            let both = run(&["call", uri, "fired", "--compact"]).out;
            both.contains("\"a\"") && both.contains("\"b\"")
        });
        assert!(heard.is_some(), "oneway calls did not arrive");
        let said = run(&["call", uri, "annotations", "--annotation", "ABCD=x y", "--compact", "-v"]);
        said.prints("{\"ABCD\":\"x y\"}");
        assert!(said.err.contains("custom reply annotation"), "{}", said.err);
        let told = run(&["call", uri, "fail", "attrs", "x", "-v"]);
        for part in ["code = 42", "note = \"extra\"", "remote traceback:", "raise"] {
            assert!(told.err.contains(part), "{part}: {}", told.err);
        }
        run(&["call", uri, "slow", "60", "--timeout", "300ms"]).fails(3, &["timed out"]);
    }
}

#[test]
fn handshake_key_and_compression() {
    for generation in [4, 5] {
        let python = Python::start(generation, &["--require-handshake", "sesame", "--compress"]);
        let uri = python.uri.as_str();
        run(&["ping", uri]).fails(3, &["handshake refused"]);
        let text = "abc".repeat(5000);
        let done = run(&["call", uri, "echo", &text, "--handshake", "sesame", "--compress"]);
        done.prints(&format!("\"{text}\""));
    }
    let python = Python::start(4, &["--hmac", "secret"]);
    let file = Scratch::file("python-key", b"secret");
    let args = ["call", &python.uri, "get_data", "x"];
    let answer = "\"You got remote data => x\"";
    run(&[&args[..], &["--hmac-key-file", file.path()]].concat()).prints(answer);
    Run::of(program().args(args).env("SPRINGLINE_HMAC_KEY", "secret").output().unwrap()).prints(answer);
    run(&args).fails(3, &["denied"]);
    Run::of(program().args(args).env("SPRINGLINE_HMAC_KEY", "wrong").output().unwrap()).fails(3, &["denied"]);
}

#[test]
fn the_generation_is_found_out_or_insisted_on() {
    let (four, five) = (Python::start(4, &[]), Python::start(5, &[]));
    for uri in [&four.uri, &five.uri] {
        run(&["call", uri, "add", "1", "--pyro", "auto"]).prints("11");
    }
    run(&["call", &four.uri, "add", "1", "--pyro", "4"]).prints("11");
    run(&["call", &five.uri, "add", "1", "--pyro", "5"]).prints("11");
    assert_eq!(run(&["call", &four.uri, "add", "1", "--pyro", "5"]).code, 3);
    assert_eq!(run(&["call", &five.uri, "add", "1", "--pyro", "4"]).code, 3);
}
