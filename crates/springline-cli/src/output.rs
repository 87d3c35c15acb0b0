//! What goes to stdout, and what must not reach a terminal.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::failure::Failure;

/// Writes a text and a line's end. A reader that went away (`| head -1`) is no failure.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let done = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    match done {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Output(e)),
        _ => Ok(()),
    }
}

/// The text as one line without control characters: what a peer says must not move the cursor.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(line, "\\u{{{:x}}}", u32::from(c));
            }
            c => line.push(c),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_not_sent() {
        assert_eq!(one_line("a\nb\t\u{1b}[31mc\u{9b}d"), "a\\nb\\t\\u{1b}[31mc\\u{9b}d");
        assert_eq!(one_line("grüße 日本"), "grüße 日本");
    }
}
