//! What an example's output.txt says: commands as one types them into a shell, each with what it prints below it.
//!
//! * `$ export NAME=7000`: a port. The run takes a free one instead, and its output is compared as if it were this one.
//! * `$ cargo run -p NAME [--bin NAME] [-- ARGS]`, `$ springline ARGS`, `$ python FILE`, `$ python2 FILE`: a program, from the
//!   project's directory. `NAME=VALUE` may stand before it, `2>&1` behind it. It has to succeed.
//! * With `&` at the end it runs on: once it has printed what is below it the next command is run.
//! * `$ kill -INT %1` ends the first of those; below it is what that one has printed since. Those left over are ended, and
//!   must not have printed anything more.
//!
//! `[..]` stands for any text within a line, a line `...` for any number of lines.

use std::fmt::Write as _;

/// A command and what it prints.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Its line in the file, from 1.
    pub(crate) line: usize,
    pub(crate) command: String,
    pub(crate) action: Action,
    pub(crate) expected: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Export {
        name: String,
        port: String,
    },
    Run {
        environment: Vec<(String, String)>,
        words: Vec<String>,
        with_errors: bool,
        in_background: bool,
    },
    /// The number of a program in the background, from 1.
    Kill(usize),
}

/// Reads a file.
pub(crate) fn parse(text: &str) -> Result<Vec<Step>, String> {
    let mut steps: Vec<Step> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => {
                let action = action(command).map_err(|why| format!("line {}: {why}", at + 1))?;
                steps.push(Step { line: at + 1, command: command.to_owned(), action, expected: Vec::new() });
            }
            (None, Some(step)) => step.expected.push(line.to_owned()),
            (None, None) => return Err("line 1: expected a command, $ and what to type".to_owned()),
        }
    }
    for step in &steps {
        let prints_nothing = step.expected.is_empty();
        if prints_nothing && matches!(step.action, Action::Run { in_background: true, .. }) {
            return Err(format!("line {}: a program in the background has to print when it is ready", step.line));
        }
    }
    if steps.is_empty() { Err("it has no command".to_owned()) } else { Ok(steps) }
}

fn action(command: &str) -> Result<Action, String> {
    let mut words: Vec<&str> = command.split_whitespace().collect();
    if let ["export", assignment] = words[..] {
        let (name, port) = assignment.split_once('=').ok_or("expected export NAME=PORT")?;
        port.parse::<u16>().map_err(|_| format!("{port:?} is no port"))?;
        return Ok(Action::Export { name: name.to_owned(), port: port.to_owned() });
    }
    if let ["kill", "-INT", job] = words[..] {
        let number = job.strip_prefix('%').and_then(|n| n.parse().ok()).filter(|n| *n > 0);
        return Ok(Action::Kill(number.ok_or("expected kill -INT %NUMBER")?));
    }
    let in_background = words.pop_if(|word| *word == "&").is_some();
    let with_errors = words.pop_if(|word| *word == "2>&1").is_some();
    let is_assignment = |word: &&&str| word.split_once('=').is_some_and(|(name, _)| is_name(name));
    let assignments = words.iter().take_while(is_assignment).count();
    let words = words.into_iter().map(str::to_owned);
    let pair = |word: String| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let environment = words.clone().take(assignments).filter_map(pair).collect();
    let words: Vec<String> = words.skip(assignments).collect();
    if words.is_empty() {
        return Err("there is no program".to_owned());
    }
    Ok(Action::Run { environment, words, with_errors, in_background })
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// Whether a line is as expected.
fn fits(expected: &str, line: &str) -> bool {
    let mut parts = expected.split("[..]");
    let Some(rest) = parts.next().and_then(|first| line.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    let Some(mut rest) = rest.strip_suffix(last) else { return false };
    for part in parts {
        let Some((_, behind)) = rest.split_once(part) else { return false };
        rest = behind;
    }
    true
}

/// Whether the lines are as expected.
pub(crate) fn agrees(expected: &[String], lines: &[String]) -> bool {
    // Where the last `...` was, and how many lines it has taken so far.
    let (mut e, mut l, mut back) = (0, 0, None);
    loop {
        if expected.get(e).is_some_and(|text| text == "...") {
            back = Some((e + 1, l));
            e += 1;
        } else if l == lines.len() {
            return e == expected.len();
        } else if e < expected.len() && fits(&expected[e], &lines[l]) {
            (e, l) = (e + 1, l + 1);
        } else if let Some((behind, taken)) = back {
            (e, l) = (behind, taken + 1);
            back = Some((behind, taken + 1));
        } else {
            return false;
        }
    }
}

/// Both line by line: `-` for what was expected, `+` for what came instead.
pub(crate) fn difference(expected: &[String], lines: &[String]) -> String {
    let same = |e: usize, l: usize| expected[e] == "..." || fits(&expected[e], &lines[l]);
    // The length of the longest common subsequence from each pair of places on.
    let mut common = vec![vec![0_u32; lines.len() + 1]; expected.len() + 1];
    for e in (0..expected.len()).rev() {
        for l in (0..lines.len()).rev() {
            let both = if same(e, l) { common[e + 1][l + 1] + 1 } else { 0 };
            common[e][l] = both.max(common[e + 1][l]).max(common[e][l + 1]);
        }
    }
    let (mut e, mut l, mut out) = (0, 0, String::new());
    while e < expected.len() || l < lines.len() {
        let is_common = e < expected.len() && l < lines.len() && same(e, l);
        if is_common && common[e][l] == common[e + 1][l + 1] + 1 {
            let _ = writeln!(out, "  {}", lines[l]);
            // What `...` stands for may go on.
            e += usize::from(expected[e] != "..." || l + 1 == lines.len());
            l += 1;
        } else if l == lines.len() || e < expected.len() && common[e + 1][l] >= common[e][l + 1] {
            let _ = writeln!(out, "- {}", expected[e]);
            e += 1;
        } else {
            let _ = writeln!(out, "+ {}", lines[l]);
            l += 1;
        }
    }
    out
}

/// A number in a text as another one, where it is not part of a longer one.
pub(crate) fn renumber(text: &str, from: &str, to: &str) -> String {
    let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, behind)) = rest.split_once(from) {
        out.push_str(before);
        let inside = is_digit(out.chars().next_back()) || is_digit(behind.chars().next());
        out.push_str(if inside { from } else { to });
        rest = behind;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn commands() {
        let text =
            "$ export SERVICE_PORT=7000\n$ A=1 cargo run -p x -- $SERVICE_PORT 2>&1 &\nready\n$ kill -INT %1\n\nbye\n";
        let steps = parse(text).unwrap();
        let actions: Vec<&Action> = steps.iter().map(|step| &step.action).collect();
        let run = Action::Run {
            environment: vec![("A".to_owned(), "1".to_owned())],
            words: ["cargo", "run", "-p", "x", "--", "$SERVICE_PORT"].map(str::to_owned).to_vec(),
            with_errors: true,
            in_background: true,
        };
        let export = Action::Export { name: "SERVICE_PORT".to_owned(), port: "7000".to_owned() };
        assert_eq!(actions, [&export, &run, &Action::Kill(1)]);
        assert_eq!((steps[2].line, &steps[2].expected), (4, &lines("\nbye")));
        for (text, why) in [
            ("", "no command"),
            ("text\n$ x", "line 1: expected a command"),
            ("$ A=1 &", "line 1: there is no program"),
            ("$ x &\n$ y", "line 1: a program in the background"),
            ("$ x\n$ export P=many", "line 2: \"many\" is no port"),
            ("$ kill -INT %0", "line 1: expected kill"),
        ] {
            assert!(parse(text).unwrap_err().contains(why), "{text}");
        }
    }

    #[test]
    fn wildcards() {
        let check = |expected: &str, got: &str| agrees(&lines(expected), &lines(got));
        for (expected, got) in [
            ("a\nb", "a\nb"),
            ("a[..]c", "abc"),
            ("[..]b[..]", "abc"),
            ("[..]", "a"),
            ("...\nb", "a\na\nb"),
            ("a\n...", "a"),
            ("...\nb\n...\nd", "a\nb\nb\nc\nd"),
        ] {
            assert!(check(expected, got), "{expected:?} {got:?}");
        }
        assert!(agrees(&lines("..."), &[]));
        for (expected, got) in [
            ("a\nb", "a"),
            ("a", "a\nb"),
            ("a[..]c", "abd"),
            ("aa[..]aa", "aaa"),
            ("...\nb", "a\nb\nc"),
            ("[..]b[..]b", "ab"),
            ("", "a"),
        ] {
            assert!(!check(expected, got), "{expected:?} {got:?}");
        }
    }

    #[test]
    fn differences() {
        let shown = difference(&lines("one\ntwo [..]\n...\nfive"), &lines("one\ntwo 2\nthree\nfour\nfife"));
        assert!(shown.starts_with("  one\n  two 2\n  three\n"), "{shown}");
        assert!(shown.contains("- five\n"), "{shown}");
        assert_eq!(difference(&lines("a\nb\nc"), &lines("a\nx\nc")), "  a\n- b\n+ x\n  c\n");
        assert_eq!(difference(&lines("a"), &[]), "- a\n");
    }

    #[test]
    fn ports() {
        assert_eq!(renumber("a:4321 143210 4321", "4321", "7000"), "a:7000 143210 7000");
        assert_eq!(renumber("nothing", "4321", "7000"), "nothing");
    }
}
