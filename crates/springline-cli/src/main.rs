//! springline-cli

fn main() {}
