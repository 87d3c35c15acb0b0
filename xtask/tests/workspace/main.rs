//! Tests of the workspace as a whole: what no crate can say about itself.

mod common;
mod examples;
mod layering;
mod licences;
mod readme;
mod structure;
