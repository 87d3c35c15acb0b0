//! `KEY=TEXT`: an annotation to send with a call.

/// Keys that the protocol uses itself.
const RESERVED: [&str; 4] = ["HMAC", "CORR", "STRM", "BLBI"];

/// Splits and checks an annotation.
pub(crate) fn parse(text: &str) -> Result<(String, String), String> {
    let (key, data) = text.split_once('=').ok_or("expected KEY=TEXT")?;
    if key.len() != 4 || !key.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(format!("the key {key:?} must be four ASCII characters"));
    }
    if RESERVED.contains(&key) {
        return Err(format!("the key {key:?} is the protocol's own"));
    }
    Ok((key.to_owned(), data.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_checked() {
        assert_eq!(parse("USER=a=b"), Ok(("USER".to_owned(), "a=b".to_owned())));
        assert_eq!(parse("USER="), Ok(("USER".to_owned(), String::new())));
        for (text, why) in
            [("USER", "KEY=TEXT"), ("US=x", "four"), ("ÜSR=x", "four"), ("a b =x", "four"), ("HMAC=x", "own")]
        {
            assert!(parse(text).unwrap_err().contains(why), "{text}");
        }
    }
}
