//! How names are written on the wire.

/// The conventions that `rename_all` knows, by the names serde gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Convention {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

/// All of them, for the error message too.
const ALL: [(&str, Convention); 8] = [
    ("lowercase", Convention::Lower),
    ("UPPERCASE", Convention::Upper),
    ("PascalCase", Convention::Pascal),
    ("camelCase", Convention::Camel),
    ("snake_case", Convention::Snake),
    ("SCREAMING_SNAKE_CASE", Convention::ScreamingSnake),
    ("kebab-case", Convention::Kebab),
    ("SCREAMING-KEBAB-CASE", Convention::ScreamingKebab),
];

impl Convention {
    /// By its name; else a message that lists the names.
    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        ALL.iter().find(|(n, _)| *n == name).map(|(_, c)| *c).ok_or_else(|| {
            let names: Vec<String> = ALL.iter().map(|(n, _)| format!("\"{n}\"")).collect();
            format!("unknown convention \"{name}\", expected one of {}", names.join(", "))
        })
    }

    /// A name in snake case, as Rust's methods have it, in this convention.
    pub(crate) fn apply(self, name: &str) -> String {
        let pascal = || name.split('_').map(capitalized).collect::<String>();
        match self {
            Self::Lower | Self::Snake => name.to_owned(),
            Self::Upper | Self::ScreamingSnake => name.to_uppercase(),
            Self::Pascal => pascal(),
            Self::Camel => {
                let pascal = pascal();
                let mut chars = pascal.chars();
                chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
            }
            Self::Kebab => name.replace('_', "-"),
            Self::ScreamingKebab => name.to_uppercase().replace('_', "-"),
        }
    }
}

fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_rewritten() {
        for (convention, expected) in [
            ("lowercase", "get_some_data"),
            ("UPPERCASE", "GET_SOME_DATA"),
            ("PascalCase", "GetSomeData"),
            ("camelCase", "getSomeData"),
            ("snake_case", "get_some_data"),
            ("SCREAMING_SNAKE_CASE", "GET_SOME_DATA"),
            ("kebab-case", "get-some-data"),
            ("SCREAMING-KEBAB-CASE", "GET-SOME-DATA"),
        ] {
            assert_eq!(Convention::parse(convention).unwrap().apply("get_some_data"), expected, "{convention}");
        }
        assert_eq!(Convention::Camel.apply("_x_1"), "x1");
        assert_eq!(Convention::Camel.apply(""), "");
    }

    #[test]
    fn an_unknown_convention_lists_the_known_ones() {
        let message = Convention::parse("Camel").unwrap_err();
        assert!(message.contains("\"Camel\"") && message.contains("\"camelCase\""), "{message}");
    }
}
