//! Attributes of a tag, and the parts of an XML declaration. XML-RPC has none, but namespaces are declared by them.

/// The attributes in what follows a tag's name, in order, each checked: a blank before it, a name, `=`, a value in quotes
/// without `<` in it, and no name twice.
#[derive(Debug)]
pub(super) struct Attributes<'a> {
    rest: &'a str,
    seen: Vec<&'a str>,
}

/// XML-RPC has no attributes at all. That no two are the same is found out by comparing each with each.
pub(super) const MOST: usize = 64;

/// Whether it may be the name of an element, an attribute or an instruction.
pub(super) fn is_name(text: &str) -> bool {
    let first = |b: u8| b.is_ascii_alphabetic() || matches!(b, b'_' | b':' | 0x80..);
    text.bytes().next().is_some_and(first)
        && text.bytes().all(|b| first(b) || b.is_ascii_digit() || matches!(b, b'-' | b'.'))
}

impl<'a> Attributes<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text, seen: Vec::new() }
    }

    /// The next name and value; the value as it was written.
    pub(super) fn next(&mut self) -> Result<Option<(&'a str, &'a str)>, String> {
        const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];
        let text = self.rest.trim_start_matches(BLANKS);
        if text.is_empty() {
            return Ok(None);
        }
        if text.len() == self.rest.len() {
            return Err("expected a blank before it".to_owned());
        }
        let (name, value) = text.split_once('=').ok_or("expected a name and '='")?;
        let name = name.trim_end_matches(BLANKS);
        if !is_name(name) {
            return Err(format!("expected a name and '=', found {}", super::problem::excerpt(name)));
        }
        let value = value.trim_start_matches(BLANKS);
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or("expected a value in quotes")?;
        let (value, rest) = value.get(1..).and_then(|v| v.split_once(quote)).ok_or("expected a closing quote")?;
        if value.contains('<') {
            return Err(format!("'<' in the value of '{name}'"));
        }
        if self.seen.contains(&name) {
            return Err(format!("'{name}' is there twice"));
        }
        if self.seen.len() == MOST {
            return Err(format!("more than {MOST} of them"));
        }
        self.seen.push(name);
        self.rest = rest;
        Ok(Some((name, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_and_bad_ones() {
        let read = |text: &'static str| {
            let mut attributes = Attributes::new(text);
            let mut found = Vec::new();
            loop {
                match attributes.next() {
                    Ok(Some(pair)) => found.push(pair),
                    Ok(None) => return Ok(found),
                    Err(e) => return Err(e),
                }
            }
        };
        assert_eq!(read(" a='1'\n b:c = \">'\" ä.-1=''  ").unwrap(), [("a", "1"), ("b:c", ">'"), ("ä.-1", "")]);
        assert_eq!(read("").unwrap(), []);
        for (bad, expected) in [
            ("a='1'", "a blank before it"),
            (" a='1'b='2'", "a blank before it"),
            (" a", "a name and '='"),
            (" a=1", "a value in quotes"),
            (" a='1", "a closing quote"),
            (" 1='1'", "a name and '=', found \"1\""),
            (" ='1'", "a name and '=', found \"\""),
            (" a b='1'", "found \"a b\""),
            (" a='<'", "'<' in the value of 'a'"),
            (" a='' a=''", "'a' is there twice"),
        ] {
            let e = read(bad).unwrap_err();
            assert!(e.contains(expected), "{bad}: {e}");
        }
    }
}
