//! What Rust's types are called in XML-RPC, for `system.methodSignature`.

use springline_core::MethodInfo;

/// The type names of a method: what it returns, then its parameters; `None` where nothing is known of its types.
pub(super) fn of(method: &MethodInfo) -> Option<Vec<&'static str>> {
    if method.returns.is_empty() && method.params.iter().all(|p| p.type_name.is_empty()) {
        return None;
    }
    let types = method.params.iter().map(|p| xmlrpc_type(&p.type_name));
    Some(std::iter::once(xmlrpc_type(&method.returns)).chain(types).collect())
}

/// Whether a method returns nothing, or nobody knows what it returns.
pub(super) fn may_return_nothing(method: &MethodInfo) -> bool {
    method.returns.is_empty() || xmlrpc_type(&method.returns) == "nil"
}

/// `undef` stands for what is not known, as in xmlrpc-c.
fn xmlrpc_type(rust: &str) -> &'static str {
    let rust = rust.trim().trim_start_matches('&').trim_start();
    // A lifetime and `mut` may stand before the type.
    let rust = match rust.strip_prefix('\'').and_then(|r| r.split_once(' ')) {
        Some((_, rest)) => rest,
        None => rust,
    };
    let rust = rust.trim_start_matches("mut ").trim();
    if rust == "()" {
        return "nil";
    }
    if let Some(items) = rust.strip_prefix('[') {
        return if element(items) == "u8" { "base64" } else { "array" };
    }
    if rust.starts_with('(') {
        return "array";
    }
    let (path, arguments) = match rust.split_once('<') {
        Some((path, rest)) => (path, rest.trim_end().strip_suffix('>').unwrap_or(rest)),
        None => (rust, ""),
    };
    let name = path.trim().rsplit("::").next().unwrap_or_default().trim();
    match name {
        "" | "Value" | "Payload" => "undef",
        "bool" => "boolean",
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "isize" | "usize" => "int",
        "f32" | "f64" => "double",
        "str" | "String" | "char" => "string",
        "DateTime" | "Date" => "dateTime.iso8601",
        "Bytes" | "Blob" | "ByteBuf" => "base64",
        "Vec" | "VecDeque" | "HashSet" | "BTreeSet" | "Set" | "FrozenSet" | "Tuple" | "LinkedList" => "array",
        // What the wire has is what is inside.
        "Option" | "Box" | "Arc" | "Rc" | "Cow" | "Result" => xmlrpc_type(first(arguments)),
        _ => "struct",
    }
}

// `u8 ; 4]` and `u8]` are both of `u8`.
fn element(items: &str) -> &str {
    items.split([';', ']']).next().unwrap_or_default().trim()
}

// The first type of a list, past a lifetime.
fn first(arguments: &str) -> &str {
    let (mut depth, mut start) = (0, 0);
    for (at, c) in arguments.char_indices() {
        match c {
            '(' | '<' | '[' => depth += 1,
            ')' | '>' | ']' => depth -= 1,
            ',' if depth == 0 => {
                let one = arguments[start..at].trim();
                if !one.starts_with('\'') {
                    return one;
                }
                start = at + 1;
            }
            _ => {}
        }
    }
    arguments[start..].trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_names() {
        let check = |rust: &str, expected: &str| assert_eq!(xmlrpc_type(rust), expected, "{rust}");
        check("i32", "int");
        check("i64", "int");
        check("bool", "boolean");
        check("&str", "string");
        check("&'static str", "string");
        check("alloc::string::String", "string");
        check("Result<String>", "string");
        check("Result<(), BankError>", "nil");
        check("core::option::Option<alloc::vec::Vec<i64>>", "array");
        check("Option < Vec < u8 > >", "array");
        check("Cow<'a, str>", "string");
        check("&[u8]", "base64");
        check("[u8; 4]", "base64");
        check("[i32; 4]", "array");
        check("(i32, i32)", "array");
        check("Blob", "base64");
        check("springline_core::datetime::DateTime", "dateTime.iso8601");
        check("HashMap<String, Vec<i32>>", "struct");
        check("bank::Money", "struct");
        check("springline_core::value::Value", "undef");
        check("", "undef");
        check("()", "nil");
        check("f64", "double");
    }
}
