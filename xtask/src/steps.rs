//! Runs commands one after the other, says what it runs and how long it took.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// Where cargo is told to build.
pub(crate) const TARGET_DIR: &str = "CARGO_TARGET_DIR";

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    /// With this exit status.
    Failed(u8),
    /// An earlier step made it pointless.
    Skipped,
}

/// The steps so far.
pub(crate) struct Steps {
    root: PathBuf,
    target: PathBuf,
    cargo: OsString,
    done: Vec<(String, Outcome, Duration)>,
}

impl Steps {
    pub(crate) fn new(root: &Path, target: &Path) -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Steps { root: root.to_path_buf(), target: target.to_path_buf(), cargo, done: Vec::new() }
    }

    /// A cargo command in the workspace's directory.
    pub(crate) fn cargo(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.cargo);
        command.args(args).current_dir(&self.root);
        if std::env::var_os(TARGET_DIR).is_some() {
            // A relative one means the caller's directory, not the one cargo starts in.
            command.env(TARGET_DIR, &self.target);
        }
        command
    }

    /// Runs a command as a step of its own.
    pub(crate) fn run(&mut self, name: &str, mut command: Command) {
        println!("+ {}", shown(&command));
        self.own(name, || match command.status() {
            Ok(status) if status.success() => Outcome::Passed,
            Ok(status) => {
                Outcome::Failed(status.code().and_then(|c| u8::try_from(c).ok()).filter(|c| *c != 0).unwrap_or(1))
            }
            Err(error) => {
                eprintln!("error: {} did not start: {error}", command.get_program().to_string_lossy());
                Outcome::Failed(127)
            }
        });
    }

    /// Runs a step that is not a command.
    pub(crate) fn own(&mut self, name: &str, step: impl FnOnce() -> Outcome) {
        let start = Instant::now();
        let outcome = step();
        self.done.push((name.to_owned(), outcome, start.elapsed()));
    }

    pub(crate) fn skip(&mut self, name: &str) {
        self.done.push((name.to_owned(), Outcome::Skipped, Duration::ZERO));
    }

    pub(crate) fn failed(&self) -> bool {
        self.done.iter().any(|(_, outcome, _)| matches!(outcome, Outcome::Failed(_)))
    }

    /// The status of the first step that failed.
    pub(crate) fn exit_code(&self) -> ExitCode {
        let failed = self.done.iter().find_map(|(_, outcome, _)| match outcome {
            Outcome::Failed(code) => Some(*code),
            _ => None,
        });
        failed.map_or(ExitCode::SUCCESS, ExitCode::from)
    }

    pub(crate) fn print_table(&self) {
        print!("{}", self.table());
    }

    fn table(&self) -> String {
        let width = self.done.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
        let mut table = String::from("\n");
        for (name, outcome, took) in &self.done {
            let outcome = match outcome {
                Outcome::Passed => "passed".to_owned(),
                Outcome::Failed(code) => format!("FAILED ({code})"),
                Outcome::Skipped => "not run".to_owned(),
            };
            table += &format!("{name:width$}  {outcome:12}  {:>7.1} s\n", took.as_secs_f64());
        }
        table
    }
}

/// A command as one would type it.
fn shown(command: &Command) -> String {
    let mut words: Vec<String> = Vec::new();
    for (name, value) in command.get_envs() {
        if let (Some(value), true) = (value, name != TARGET_DIR) {
            words.push(format!("{}='{}'", name.to_string_lossy(), value.to_string_lossy()));
        }
    }
    let program = Path::new(command.get_program());
    words.push(program.file_name().unwrap_or_default().to_string_lossy().into_owned());
    words.extend(command.get_args().map(|a| a.to_string_lossy().into_owned()));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_failure_decides() {
        let mut steps = Steps::new(Path::new("."), Path::new("target"));
        steps.own("one", || Outcome::Passed);
        assert!(!steps.failed());
        steps.own("two", || Outcome::Failed(101));
        steps.own("three", || Outcome::Failed(7));
        steps.skip("four");
        assert!(steps.failed());
        assert_eq!(steps.exit_code(), ExitCode::from(101));
        let table = steps.table();
        let lines: Vec<&str> = table.trim().lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[1].starts_with("two    FAILED (101)"), "{table}");
        assert!(lines[3].starts_with("four   not run"), "{table}");
    }

    #[test]
    fn a_command_that_does_not_start_fails() {
        let mut steps = Steps::new(Path::new("."), Path::new("target"));
        steps.run("none", Command::new("springline-no-such-program"));
        assert_eq!(steps.exit_code(), ExitCode::from(127));
    }

    #[test]
    fn shows_what_it_runs() {
        let mut command = Command::new("somewhere/bin/cargo");
        command.args(["doc", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(shown(&command), "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps");
    }
}
