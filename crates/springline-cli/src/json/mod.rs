//! Values as JSON, both ways: what the help of `springline call` says.

mod read;
mod write;

pub(crate) use read::{argument, keyword};
pub(crate) use write::write;

/// The names that stand for what JSON has no word for.
const TAGS: [&str; 10] =
    ["$bytes", "$complex", "$date", "$decimal", "$float", "$frozenset", "$map", "$remote", "$set", "$tuple"];

/// The name for a container that contains itself.
const REF: &str = "$ref";
