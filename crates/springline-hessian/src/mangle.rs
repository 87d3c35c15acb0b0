//! The names that Java gives overloaded methods on the wire.
//!
//! A server of Caucho's knows a method `m` of n parameters as `m`, `m__n` and `m_t1_.._tn`; of several methods with the same
//! name it takes for `m` the first and for `m__n` the last that was declared. Clients ask by the last of the three when they
//! are told to (`setOverloadEnabled`).
//!
//! | Java | part |
//! | --- | --- |
//! | `boolean`, `Boolean` | `boolean` |
//! | `int`, `short`, `byte` and their boxes | `int` |
//! | `long`, `Long` | `long` |
//! | `float`, `double` and their boxes | `double` |
//! | `String`, `char`, `Character`, `java.io.Reader`, `CharBuffer` | `string` |
//! | `java.util.Date` | `date` |
//! | `byte[]`, any `InputStream` | `binary` |
//! | another array | `[` and its component's part |
//! | `org.w3c.dom.Node`, `Element`, `Document` | `xml` |
//! | any other class | its name behind the last dot: `List`, `Person`, `Outer$Inner` |

use springline_core::{MethodInfo, Payload, Result, ServiceInfo, Value};

/// The mangled name of a method with parameters of these Java types, given as Java writes them: `int`, `java.lang.String`,
/// `byte[]`, `com.example.Person`.
///
/// ```
/// use springline_hessian::mangle::mangled;
/// assert_eq!(mangled("over", ["java.lang.String", "int", "int", "double"]), "over_string_int_int_double");
/// assert_eq!(mangled("over", ["int[]"]), "over_[int");
/// assert_eq!(mangled("over", ["byte[]"]), "over_binary");
/// assert_eq!(mangled("over", ["java.util.List"]), "over_List");
/// assert_eq!(mangled("over", []), "over");
/// ```
#[must_use]
pub fn mangled<const N: usize>(method: &str, types: [&str; N]) -> String {
    let mut name = method.to_owned();
    for one in types {
        name.push('_');
        push(&mut name, one);
    }
    name
}

fn push(name: &mut String, java: &str) {
    if java == "byte[]" {
        return name.push_str("binary");
    }
    if let Some(component) = java.strip_suffix("[]") {
        name.push('[');
        return push(name, component);
    }
    name.push_str(match java.rsplit('.').next().unwrap_or(java) {
        "boolean" | "Boolean" => "boolean",
        "int" | "short" | "byte" | "Integer" | "Short" | "Byte" => "int",
        "long" | "Long" => "long",
        "float" | "double" | "Float" | "Double" => "double",
        "String" | "char" | "Character" | "Reader" | "CharBuffer" => "string",
        "Date" => "date",
        "InputStream" => "binary",
        "Node" | "Element" | "Document" if java.starts_with("org.w3c.") => "xml",
        other => other,
    });
}

/// The mangled name for a call, by the kinds of its arguments: what a client can tell without knowing the method.
///
/// Null, and what may be several things in Java, are guessed: null as `Object`, lists as `List`, maps as `Map`.
///
/// # Errors
/// Whatever keeps the arguments from being read or written as values.
pub fn name(method: &str, args: &Payload<'_>) -> Result<String> {
    let mut name = method.to_owned();
    let args = args.to_value()?;
    for arg in args.as_items().unwrap_or_default() {
        name.push('_');
        name.push_str(&kind(arg));
    }
    Ok(name)
}

fn kind(value: &Value) -> String {
    let simple = |class: &str| class.rsplit('.').next().unwrap_or(class).to_owned();
    match value {
        Value::Bool(_) => "boolean".to_owned(),
        Value::I32(_) => "int".to_owned(),
        Value::I64(_) => "long".to_owned(),
        Value::F64(_) => "double".to_owned(),
        Value::Str(_) => "string".to_owned(),
        Value::Bytes(_) => "binary".to_owned(),
        Value::DateTime(_) => "date".to_owned(),
        Value::Big(_) => "BigInteger".to_owned(),
        Value::Decimal(_) => "BigDecimal".to_owned(),
        Value::List(_) | Value::Tuple(_) => "List".to_owned(),
        Value::Set(_) | Value::FrozenSet(_) => "Set".to_owned(),
        Value::Map(_) => "Map".to_owned(),
        Value::Object(o) => simple(&o.class),
        Value::Typed(t) => match t.type_name.strip_prefix('[') {
            // On the wire they are written nearly as they are mangled.
            Some(component) => format!("[{}", part_of_array(component)),
            None => simple(&t.type_name),
        },
        Value::Remote(r) => r.type_name.as_deref().map_or_else(|| "Object".to_owned(), simple),
        _ => "Object".to_owned(),
    }
}

fn part_of_array(component: &str) -> String {
    if let Some(inner) = component.strip_prefix('[') {
        return format!("[{}", part_of_array(inner));
    }
    let mut part = String::new();
    match component {
        "object" => part.push_str("Object"),
        other => push(&mut part, other),
    }
    part
}

/// The method that a name from the wire means, among those that a service describes: `name__count` where the call tells its
/// count, the name as it is, one of the first two forms above, and then the third.
#[must_use]
pub fn find<'i>(info: &'i ServiceInfo, name: &str, count: Option<usize>) -> Option<&'i MethodInfo> {
    let methods = || info.methods.iter().filter(|m| m.kind == springline_core::CallKind::Method);
    if let Some(count) = count
        && let Some(found) = methods().find(|m| is_counted(&m.name, name, count))
    {
        return Some(found);
    }
    if let Some(found) = info.method(name) {
        return Some(found);
    }
    if let Some((plain, n)) = name.rsplit_once("__")
        && let Ok(n) = n.parse::<usize>()
        && let Some(found) = methods().filter(|m| m.name == plain).find(|m| takes(m, n))
    {
        return Some(found);
    }
    // The longest name, lest `get` be taken for `get_all`.
    methods().filter(|m| is_mangled(m, name)).max_by_key(|m| m.name.len())
}

// Whether a method is called `name__count`.
fn is_counted(method: &str, name: &str, count: usize) -> bool {
    let digits = method.strip_prefix(name).and_then(|rest| rest.strip_prefix("__"));
    digits.is_some_and(|digits| digits.parse() == Ok(count))
}

fn takes(method: &MethodInfo, count: usize) -> bool {
    let required = method.params.iter().filter(|p| !p.optional).count();
    (required..=method.params.len()).contains(&count)
}

// Whether a part follows for each parameter, of a type that fits. A name that only begins like a method's is none of it.
fn is_mangled(method: &MethodInfo, name: &str) -> bool {
    let Some(parts) = name.strip_prefix(&*method.name).and_then(|rest| rest.strip_prefix('_')) else { return false };
    // Names of classes may have underscores, which nobody can tell from those between the parts: one class at most.
    let parts: Vec<&str> = parts.splitn(method.params.len().max(1), '_').collect();
    parts.len() == method.params.len() && parts.iter().zip(&*method.params).all(|(part, p)| fits(part, &p.type_name))
}

// Whether Java may have mangled into `part` what is of this type here.
fn fits(part: &str, rust: &str) -> bool {
    let is_class = part.starts_with(|c: char| c.is_uppercase() || c == '[');
    let is_number = matches!(part, "int" | "long" | "double");
    let rust: String = rust.chars().filter(|c| !c.is_whitespace() && *c != '&').collect();
    let rust = rust.strip_prefix("Option<").and_then(|r| r.strip_suffix('>')).unwrap_or(&rust);
    match rust.rsplit("::").next().unwrap_or(rust) {
        "bool" => part == "boolean",
        "i8" | "i16" | "i32" | "i64" | "isize" | "u8" | "u16" | "u32" | "u64" | "usize" | "f32" | "f64" => is_number,
        "str" | "String" | "char" => part == "string",
        "Blob" | "Bytes" | "[u8]" => part == "binary",
        "DateTime" => part == "date",
        _ => is_class || is_number || matches!(part, "boolean" | "string" | "date" | "binary" | "xml"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use springline_core::{FnService, Service};

    #[test]
    fn java_s_names() {
        for (types, name) in [
            ("int", "over_int"),
            ("java.lang.Short", "over_int"),
            ("char", "over_string"),
            ("float", "over_double"),
            ("java.util.Date", "over_date"),
            ("java.io.InputStream", "over_binary"),
            ("java.lang.String[]", "over_[string"),
            ("int[][]", "over_[[int"),
            ("java.lang.Object", "over_Object"),
            ("peer.Outer$Inner", "over_Outer$Inner"),
            ("org.w3c.dom.Node", "over_xml"),
            ("peer.Node", "over_Node"),
        ] {
            assert_eq!(mangled("over", [types]), name);
        }
    }

    #[test]
    fn names_lead_to_methods() {
        let service = FnService::new("x")
            .method("get", ["a"], |(_,): (i64,)| async { Ok(()) })
            .method("get_all", ["a", "b?"], |(_, _): (i64, Option<i64>)| async { Ok(()) })
            .method("over_int", ["a"], |(_,): (i64,)| async { Ok(()) })
            .method("over__2", ["a", "b"], |(_, _): (i64, i64)| async { Ok(()) })
            .method("none", [], |()| async { Ok(()) });
        let info = service.describe().unwrap();
        for (name, count, found) in [
            ("get", None, Some("get")),
            ("get_int", Some(1), Some("get")),
            ("get_everything", Some(1), None),
            ("get_string_int", Some(1), None),
            ("get__1", None, Some("get")),
            ("get__2", None, None),
            ("get_all_int_int", None, Some("get_all")),
            ("get_all__1", None, Some("get_all")),
            ("over", Some(2), Some("over__2")),
            ("over", None, None),
            ("over_int", Some(1), Some("over_int")),
            ("none", Some(0), Some("none")),
            ("none_int", None, None),
            ("get_", None, None),
            ("other", Some(1), None),
        ] {
            assert_eq!(find(info, name, count).map(|m| &*m.name), found, "{name} {count:?}");
        }
    }
}
