//! One entry for everything a contributor runs: `cargo xtask help`.

mod examples;
mod peers;
mod steps;
mod table;
mod transcript;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use steps::{Outcome, Steps};

const HELP: &str = "\
cargo xtask COMMAND

  peers [--python PATH]   make target/peers: the peers that the live tests talk to, in Python and C
  test [ARGS]             peers, then every test, doc test and example; ARGS go to cargo test, which is all that runs then
  examples [NAME..]       peers, then runs the examples and compares what they print with their output.txt
  table [--check]         write README.md's table of what works with what, from what the live tests wrote
  lint                    formatting, clippy and the documentation, warnings denied
  ci                      test, then lint
  bench [ARGS]            peers, then the benchmarks against peers and limits; ARGS go to the benchmark program
  help                    this text

The target directory is CARGO_TARGET_DIR when that is set.";

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let command = args.next().unwrap_or_else(|| "help".into());
    let rest: Vec<OsString> = args.collect();
    let root = root();
    let target = target(&root);
    let mut steps = Steps::new(&root, &target);
    match (command.to_str().unwrap_or_default(), rest.as_slice()) {
        ("peers", []) => peers_step(&mut steps, &root, &target, None),
        ("peers", [flag, python]) if flag == "--python" => {
            peers_step(&mut steps, &root, &target, Some(Path::new(python)));
        }
        ("test", rest) => test(&mut steps, &root, &target, rest),
        ("examples", names) => {
            peers_step(&mut steps, &root, &target, None);
            run_examples(&mut steps, &root, &target, names, false);
        }
        ("table", []) => table_step(&mut steps, &root, &target, false),
        ("table", [flag]) if flag == "--check" => table_step(&mut steps, &root, &target, true),
        ("lint", []) => lint(&mut steps),
        ("ci", []) => {
            test(&mut steps, &root, &target, &[]);
            lint(&mut steps);
            steps.print_table();
        }
        ("bench", rest) => bench(&mut steps, &root, &target, rest),
        ("help" | "--help" | "-h", []) => println!("{HELP}"),
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(2);
        }
    }
    steps.exit_code()
}

/// The directory of the workspace.
fn root() -> PathBuf {
    // cargo sets the variable for `cargo xtask`; the compiled-in directory serves a program that is started directly.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&here).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

fn target(root: &Path) -> PathBuf {
    match std::env::var_os(steps::TARGET_DIR) {
        Some(dir) if !dir.is_empty() => std::path::absolute(&dir).unwrap_or_else(|_| PathBuf::from(dir)),
        _ => root.join("target"),
    }
}

fn peers_step(steps: &mut Steps, root: &Path, target: &Path, python: Option<&Path>) {
    steps.own("peers", || match peers::ensure(root, target, python) {
        Ok(made) => {
            println!("{made}");
            Outcome::Passed
        }
        Err(reason) => {
            eprintln!("error: {reason}");
            Outcome::Failed(1)
        }
    });
}

fn test(steps: &mut Steps, root: &Path, target: &Path, args: &[OsString]) {
    peers_step(steps, root, target, None);
    // The live tests fail without their peers: a run that cannot have them says so once and stops.
    if steps.failed() {
        steps.skip("tests");
        return;
    }
    let narrowed = args
        .iter()
        .take_while(|a| *a != "--")
        .any(|a| a.to_str().is_some_and(|a| a == "--package" || a.starts_with("--package=") || a.starts_with("-p")));
    let mut cargo = steps.cargo(&["test"]);
    if !narrowed {
        cargo.arg("--workspace");
    }
    cargo.args(args);
    steps.run("tests", cargo);
    if args.is_empty() {
        table_step(steps, root, target, true);
        // Benchmarks are not run here, but they must not rot either.
        let cargo = steps.cargo(&["test", "--workspace", "--benches", "--no-run"]);
        steps.run("benches compile", cargo);
        run_examples(steps, root, target, &[], true);
    }
}

fn table_step(steps: &mut Steps, root: &Path, target: &Path, only_check: bool) {
    steps.own("README's table", || match table::run(root, target, only_check) {
        Ok(()) => Outcome::Passed,
        Err(why) => {
            eprintln!("error: {why}");
            Outcome::Failed(1)
        }
    });
}

/// With `tests_are_built` the examples are built of what the tests have left, features and all; by themselves they need less.
fn run_examples(steps: &mut Steps, root: &Path, target: &Path, asked: &[OsString], tests_are_built: bool) {
    let names = examples::names(root);
    let chosen = match examples::chosen(&names, asked) {
        Ok(chosen) => chosen,
        Err(why) => {
            eprintln!("error: {why}");
            return steps.own("examples", || Outcome::Failed(2));
        }
    };
    if steps.failed() {
        return steps.skip("examples");
    }
    let mut cargo = steps.cargo(&["build", "--bins"]);
    if tests_are_built {
        cargo.args(["--workspace", "--tests"]);
    } else {
        cargo.args(["-p", "springline-cli"]);
        for name in &chosen {
            cargo.args(["-p", name]);
        }
    }
    steps.run("examples are built", cargo);
    if steps.failed() {
        return steps.skip("examples");
    }
    steps.own("examples", || {
        let mut outcome = Outcome::Passed;
        for name in chosen {
            match examples::run(root, target, name) {
                Ok(()) => println!("example {name} ... ok"),
                Err(why) => {
                    println!("example {name} ... FAILED\n{why}");
                    outcome = Outcome::Failed(1);
                }
            }
        }
        outcome
    });
}

fn lint(steps: &mut Steps) {
    let cargo = steps.cargo(&["fmt", "--all", "--check"]);
    steps.run("formatting", cargo);
    let cargo = steps.cargo(&["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"]);
    steps.run("clippy", cargo);
    // The build without tokio that wire-only users have.
    let wire = [
        "clippy",
        "-p",
        "springline-pyro",
        "-p",
        "springline-xmlrpc",
        "-p",
        "springline-hessian",
        "--no-default-features",
    ];
    let mut cargo = steps.cargo(&wire);
    cargo.args(["--", "-D", "warnings"]);
    steps.run("clippy, wire only", cargo);
    let mut cargo = steps.cargo(&["doc", "--workspace", "--no-deps", "--all-features"]);
    cargo.env("RUSTDOCFLAGS", "-D warnings");
    steps.run("documentation", cargo);
    // Outside of the workspace. Only a nightly toolchain runs them, but any can tell whether they still fit; nothing is
    // linked for that, so that libFuzzer need not be built.
    let mut cargo = steps.cargo(&["check", "--manifest-path", "fuzz/Cargo.toml", "--target-dir", "target/fuzz"]);
    cargo.env("CUSTOM_LIBFUZZER_PATH", "target/libnone.a");
    steps.run("fuzz targets compile", cargo);
}

fn bench(steps: &mut Steps, root: &Path, target: &Path, args: &[OsString]) {
    peers_step(steps, root, target, None);
    if steps.failed() {
        return;
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("valgrind is missing: no instruction counts. On Debian: apt-get install valgrind");
    }
    let mut cargo = steps.cargo(&["run", "--release", "-p", "springline-bench", "--all-features", "--"]);
    cargo.args(args);
    steps.run("benchmarks", cargo);
}
