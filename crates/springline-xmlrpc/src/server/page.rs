//! The methods as a page for people, as CPython's `DocXMLRPCServer` has it.

use std::fmt::Write;

use springline_core::MethodInfo;

use super::signature;

/// A page of all methods, each with its full name.
pub(super) fn page<'a>(title: &str, methods: impl IntoIterator<Item = (String, Option<&'a MethodInfo>)>) -> String {
    let mut page = String::with_capacity(4096);
    let title = Escaped(title);
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n<style>\n\
         body {{ font-family: sans-serif; margin: 2em; max-width: 60em }}\n\
         dt {{ font-family: monospace; margin-top: 1em }}\ndd {{ white-space: pre-wrap }}\n</style>\n</head>\n<body>\n\
         <h1>{title}</h1>\n<p>An XML-RPC server: POST to this path.</p>\n<dl>\n"
    );
    for (name, info) in methods {
        let name = Escaped(&name);
        let _ = write!(page, "<dt><strong>{name}</strong>(");
        if let Some(info) = info {
            let types = signature::of(info);
            let of = |at: usize| types.as_ref().and_then(|t| t.get(at)).copied().filter(|t| *t != "undef");
            for (at, param) in info.params.iter().enumerate() {
                let (comma, end) = (if at > 0 { ", " } else { "" }, if param.optional { "?" } else { "" });
                let _ = write!(page, "{comma}{}{end}", Escaped(&param.name));
                if let Some(of) = of(at + 1) {
                    let _ = write!(page, ": {of}");
                }
            }
            page.push(')');
            if let Some(of) = of(0) {
                let _ = write!(page, " &rarr; {of}");
            }
            let _ = write!(page, "</dt>\n<dd>{}</dd>\n", Escaped(info.doc.trim()));
        } else {
            page.push_str("&hellip;)</dt>\n<dd></dd>\n");
        }
    }
    page.push_str("</dl>\n</body>\n</html>\n");
    page
}

/// Text as it may stand in HTML, in attributes too.
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}
