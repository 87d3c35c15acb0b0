//! `${NAME:default}`: text from the environment.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Where `${NAME}` in a configuration comes from. By default the process's environment.
#[derive(Clone)]
pub struct Environment(Arc<Lookup>);

impl Environment {
    /// Variables that a function knows.
    pub fn new(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(lookup))
    }

    /// The text with the variables' values. `$$` before a brace stands for one dollar sign.
    pub(crate) fn expand<'t>(&self, text: &'t str) -> Result<Cow<'t, str>, (usize, String)> {
        if !text.contains("${") {
            return Ok(Cow::Borrowed(text));
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            let offset = text.len() - rest.len() + at;
            let (before, after) = rest.split_at(at);
            let after = after.strip_prefix("${").unwrap_or(after);
            if let Some(before) = before.strip_suffix('$') {
                out.push_str(before);
                out.push_str("${");
                rest = after;
                continue;
            }
            out.push_str(before);
            let Some((inside, behind)) = after.split_once('}') else {
                return Err((offset, "'${' without a '}': write '$${' for the characters themselves".to_owned()));
            };
            let (name, default) = match inside.split_once(':') {
                Some((name, default)) => (name, Some(default)),
                None => (inside, None),
            };
            let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(letters) || name.starts_with(|c: char| c.is_ascii_digit()) {
                return Err((offset, format!("'{name}' cannot be the name of an environment variable")));
            }
            match (self.0(name), default) {
                (Some(value), _) => out.push_str(&value),
                (None, Some(default)) => out.push_str(default),
                (None, None) => {
                    return Err((
                        offset,
                        format!(
                            "the environment has no variable '{name}': set it, or give a default as in ${{{name}:..}}"
                        ),
                    ));
                }
            }
            rest = behind;
        }
        out.push_str(rest);
        Ok(Cow::Owned(out))
    }
}

impl Default for Environment {
    fn default() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables() {
        let environment = Environment::new(|name| (name == "HOST").then(|| "db.example".to_owned()));
        let check = |text: &str, expected: &str| assert_eq!(environment.expand(text).unwrap(), expected, "{text}");
        check("plain $HOST {x} $", "plain $HOST {x} $");
        check("http://${HOST}:${PORT:8000}/", "http://db.example:8000/");
        check("${HOST:other}", "db.example");
        check("${NONE:}", "");
        check("${NONE:a:b}", "a:b");
        check("$${HOST} ${HOST}", "${HOST} db.example");
        let fails = |text: &str, offset: usize, part: &str| {
            let (at, message) = environment.expand(text).unwrap_err();
            assert!(at == offset && message.contains(part), "{text}: {at} {message}");
        };
        fails("a ${NONE}", 2, "no variable 'NONE'");
        fails("${HOST", 0, "without a '}'");
        fails("${a.b}", 0, "cannot be the name");
        fails("${}", 0, "cannot be the name");
    }
}
