//! Python literals, of which the properties of `<components>` files are made.

use num_bigint::BigInt;
use springline_core::Value;

use super::DEPTH;

/// Reads one literal: a text, a number, `True`, `False`, `None`, a list, tuple, set or dictionary of them.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let mut scan = Scan { rest: text, depth: 0 };
    let value = scan.value()?;
    scan.blanks();
    if scan.rest.is_empty() { Ok(value) } else { Err(format!("expected the end, found '{}'", scan.shown())) }
}

struct Scan<'t> {
    rest: &'t str,
    depth: usize,
}

impl Scan<'_> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn shown(&self) -> String {
        self.rest.chars().take(20).collect()
    }

    fn take(&mut self, token: &str) -> bool {
        self.blanks();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self) -> Result<Value, String> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(format!("nested deeper than {DEPTH} levels"));
        }
        self.blanks();
        let value = match self.rest.chars().next() {
            Some('\'' | '"') => self.joined_texts(),
            Some('[') => {
                self.take("[");
                self.items("]").map(|(items, _)| Value::List(items))
            }
            Some('(') => {
                self.take("(");
                let (mut items, comma) = self.items(")")?;
                // Without a comma the parentheses only group.
                match items.pop() {
                    Some(only) if items.is_empty() && !comma => Ok(only),
                    last => {
                        items.extend(last);
                        Ok(Value::Tuple(items))
                    }
                }
            }
            Some('{') => {
                self.take("{");
                self.braces()
            }
            Some(_) => self.word(),
            None => Err("expected a Python literal, found nothing".to_owned()),
        };
        self.depth -= 1;
        value
    }

    // What there is up to the closing token, and whether a comma stood in it.
    fn items(&mut self, close: &str) -> Result<(Vec<Value>, bool), String> {
        let (mut items, mut comma) = (Vec::new(), false);
        loop {
            if self.take(close) {
                return Ok((items, comma));
            }
            if !items.is_empty() && !comma {
                return Err(format!("expected ',' or '{close}', found '{}'", self.shown()));
            }
            items.push(self.value()?);
            let more = self.take(",");
            comma |= more;
            if !more {
                return if self.take(close) {
                    Ok((items, comma))
                } else {
                    Err(format!("expected ',' or '{close}', found '{}'", self.shown()))
                };
            }
        }
    }

    fn braces(&mut self) -> Result<Value, String> {
        let (mut pairs, mut items) = (Vec::new(), Vec::new());
        loop {
            if self.take("}") {
                break;
            }
            let key = self.value()?;
            if self.take(":") {
                pairs.push((key, self.value()?));
            } else {
                items.push(key);
            }
            if !self.take(",") {
                if self.take("}") {
                    break;
                }
                return Err(format!("expected ',' or '}}', found '{}'", self.shown()));
            }
        }
        match (pairs.is_empty(), items.is_empty()) {
            (_, true) => Ok(Value::Map(pairs)),
            (true, false) => Ok(Value::Set(items)),
            (false, false) => Err("a dictionary has a value for each key".to_owned()),
        }
    }

    fn joined_texts(&mut self) -> Result<Value, String> {
        let mut out = String::new();
        while let Some(quote @ ('\'' | '"')) = self.rest.chars().next() {
            self.rest = &self.rest[1..];
            self.one_text(quote, &mut out)?;
            self.blanks();
        }
        Ok(Value::Str(out))
    }

    fn one_text(&mut self, quote: char, out: &mut String) -> Result<(), String> {
        let mut chars = self.rest.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.rest = self.rest.get(at + 1..).unwrap_or_default();
                    return Ok(());
                }
                '\\' => match chars.next().map(|(_, c)| c) {
                    Some('n') => out.push('\n'),
                    Some('t') => out.push('\t'),
                    Some('r') => out.push('\r'),
                    Some('\n') => {}
                    Some(c @ ('\\' | '\'' | '"')) => out.push(c),
                    Some(c @ ('x' | 'u')) => {
                        let digits: String =
                            chars.by_ref().take(if c == 'x' { 2 } else { 4 }).map(|(_, c)| c).collect();
                        let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                        out.push(code.ok_or_else(|| format!("'\\{c}{digits}' is no character"))?);
                    }
                    // As Python has it.
                    Some(c) => out.extend(['\\', c]),
                    None => break,
                },
                c => out.push(c),
            }
        }
        Err("the text has no closing quote".to_owned())
    }

    fn word(&mut self) -> Result<Value, String> {
        let end = self.rest.find(|c: char| c.is_whitespace() || ",:]})".contains(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        let value = match word {
            "True" => Value::Bool(true),
            "False" => Value::Bool(false),
            "None" => Value::Null,
            _ => {
                let digits = word.strip_suffix(['L', 'l']).unwrap_or(word);
                if let Ok(number) = digits.parse::<i64>() {
                    Value::I64(number)
                } else if let Ok(number) = digits.parse::<BigInt>() {
                    Value::Big(Box::new(number))
                } else if word.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
                    && let Ok(number) = word.parse::<f64>()
                {
                    Value::F64(number)
                } else {
                    return Err(format!("expected a Python literal such as 'text' or 5, found '{word}'"));
                }
            }
        };
        self.rest = rest;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals() {
        let list = |items: &[Value]| Value::List(items.to_vec());
        for (text, value) in [
            ("'a' \"b\\n\\x41\"", "ab\nA".into()),
            (" 5 ", 5_i64.into()),
            ("-1.5e3", Value::F64(-1500.0)),
            ("10L", 10_i64.into()),
            ("[1, True, None,]", list(&[1_i64.into(), true.into(), Value::Null])),
            ("(1)", 1_i64.into()),
            ("(1,)", Value::Tuple(vec![1_i64.into()])),
            ("()", Value::Tuple(vec![])),
            ("{}", Value::Map(vec![])),
            ("{1}", Value::Set(vec![1_i64.into()])),
            ("{'a': [1]}", Value::Map(vec![("a".into(), list(&[1_i64.into()]))])),
        ] {
            assert_eq!(parse(text), Ok(value), "{text}");
        }
        for text in ["", "x", "'a", "[1", "[1 2]", "{1: 2, 3}", "1 2", "os.system('x')", "'\\xZZ'", "nan"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&"[".repeat(1000)).unwrap_err().contains("deeper"));
    }
}
