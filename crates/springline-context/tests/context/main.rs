//! The context by itself, with classes of the test's own; protocols are tested where they are.

mod errors;
mod hostile;
mod large;
mod lifecycle;
mod read;
mod reload;
mod support;
