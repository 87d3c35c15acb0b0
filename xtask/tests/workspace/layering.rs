//! The arrows between the crates, held against `cargo metadata`.

use std::collections::BTreeSet;
use std::path::Path;

use crate::common::{self, text};
use serde_json::{Value, json};

const CORE: &str = "springline-core";
const MACROS: &str = "springline-macros";
const NET: &str = "springline-net";
const PROTOCOLS: [&str; 3] = ["springline-pyro", "springline-xmlrpc", "springline-hessian"];

/// These stand on top of everything and may use what they like.
const FREE: [&str; 4] = ["springline", "springline-cli", "springline-bench", "xtask"];

/// What talks to the network is springline-net's business alone.
const SOCKETS: [&str; 10] =
    ["socket2", "mio", "rustls", "tokio-rustls", "hyper", "hyper-util", "h2", "reqwest", "native-tls", "openssl"];

/// The workspace crates a crate may stand on, outside its tests. None: the crate has no place in the layers yet.
fn may_stand_on(name: &str) -> Option<Vec<&'static str>> {
    match name {
        CORE => Some(vec![MACROS]),
        MACROS => Some(vec![]),
        NET => Some(vec![CORE]),
        "springline-cluster" | "springline-context" => Some(vec![CORE, MACROS, NET]),
        _ if PROTOCOLS.contains(&name) => Some(vec![CORE, NET]),
        _ => None,
    }
}

struct Own {
    names: BTreeSet<String>,
    packages: Vec<Value>,
}

impl Own {
    fn new(packages: Vec<Value>) -> Self {
        Own { names: packages.iter().map(|p| text(p, "name").to_owned()).collect(), packages }
    }

    fn read() -> Self {
        Own::new(common::own_packages())
    }

    /// The packages of the layers, without those on top.
    fn layered(&self) -> impl Iterator<Item = &Value> {
        let examples = common::root().join("examples");
        self.packages.iter().filter(move |p| {
            !FREE.contains(&text(p, "name")) && !Path::new(text(p, "manifest_path")).starts_with(&examples)
        })
    }

    fn wrong_arrows(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for package in self.layered() {
            let name = text(package, "name");
            let Some(allowed) = may_stand_on(name) else {
                wrong.push(format!("{name} has no place in the layers of this test"));
                continue;
            };
            for kind in [None, Some("build"), Some("dev")] {
                for on in dependencies(package, kind).map(|d| text(d, "name")).filter(|d| self.names.contains(*d)) {
                    // The macros expand to paths of the core: any crate may test with them, and they are tested with it.
                    let tests_with_it = kind == Some("dev") && (on == MACROS || name == MACROS && on == CORE);
                    if !allowed.contains(&on) && !tests_with_it {
                        wrong.push(format!("{name} must not depend on {on} ({})", kind.unwrap_or("normal")));
                    }
                }
            }
        }
        wrong
    }

    fn wrong_sockets(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for package in self.layered().filter(|p| p["name"] != NET) {
            let name = text(package, "name");
            for dependency in dependencies(package, None) {
                let on = text(dependency, "name");
                let features: Vec<&str> =
                    dependency["features"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                if SOCKETS.contains(&on) {
                    wrong.push(format!("{name} must not depend on {on}"));
                } else if on == "tokio" && features.iter().any(|f| ["net", "full"].contains(f)) {
                    wrong.push(format!("{name} asks tokio for {features:?}"));
                }
            }
        }
        wrong
    }
}

/// The dependencies of a kind: none is a normal one.
fn dependencies<'v>(package: &'v Value, kind: Option<&'v str>) -> impl Iterator<Item = &'v Value> {
    package["dependencies"].as_array().unwrap().iter().filter(move |d| d["kind"].as_str() == kind)
}

#[test]
fn every_crate_stands_on_what_it_may() {
    let wrong = Own::read().wrong_arrows();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_net_touches_sockets() {
    let wrong = Own::read().wrong_sockets();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn wrong_layers_are_found() {
    let package =
        |name: &str, dependencies: Value| json!({"name": name, "manifest_path": "x", "dependencies": dependencies});
    let dependency =
        |name: &str, kind: Value, features: &[&str]| json!({"name": name, "kind": kind, "features": features});
    let normal = |name: &str| dependency(name, Value::Null, &[]);
    let own = Own::new(vec![
        package(CORE, json!([normal(NET), normal("bytes"), dependency(MACROS, json!("dev"), &[])])),
        package(MACROS, json!([])),
        package(NET, json!([normal(CORE), normal("socket2"), dependency("tokio", Value::Null, &["net"])])),
        package(
            "springline-pyro",
            json!([normal(CORE), normal(NET), dependency("tokio", Value::Null, &["rt", "net"])]),
        ),
        package("springline-xmlrpc", json!([dependency("springline-pyro", json!("dev"), &[]), normal("hyper")])),
        package("springline-new", json!([])),
        package("springline-cli", json!([normal("springline-pyro"), normal("hyper")])),
    ]);
    assert_eq!(
        own.wrong_arrows(),
        [
            "springline-core must not depend on springline-net (normal)",
            "springline-xmlrpc must not depend on springline-pyro (dev)",
            "springline-new has no place in the layers of this test",
        ]
    );
    assert_eq!(
        own.wrong_sockets(),
        ["springline-pyro asks tokio for [\"rt\", \"net\"]", "springline-xmlrpc must not depend on hyper"]
    );
}

#[test]
fn the_core_has_no_runtime_and_no_io() {
    let own = Own::read();
    for name in [CORE, MACROS] {
        let package = own.packages.iter().find(|p| p["name"] == name).unwrap();
        for dependency in dependencies(package, None).map(|d| text(d, "name")) {
            assert!(
                !["tokio", "async-std", "smol", "mio", "chrono", "time"].contains(&dependency),
                "{name}: {dependency}"
            );
        }
        assert_eq!(tree(&["-p", name]).get("tokio"), None, "{name} reaches tokio");
    }
}

#[test]
fn wire_only_protocols_have_no_runtime() {
    for package in Own::read().layered().map(|p| text(p, "name")).filter(|n| PROTOCOLS.contains(n)) {
        let tree = tree(&["-p", package, "--no-default-features"]);
        for unwanted in ["tokio", NET] {
            assert_eq!(tree.get(unwanted), None, "{package} without features reaches {unwanted}");
        }
    }
}

/// The names of all normal dependencies, however deep.
fn tree(of: &[&str]) -> BTreeSet<String> {
    let mut args = vec!["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}"];
    args.extend(of);
    common::cargo(&args).lines().filter_map(|l| l.split_whitespace().next()).map(str::to_owned).collect()
}
