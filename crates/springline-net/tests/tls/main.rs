//! TLS with OpenSSL's programs and CPython's `ssl` on the other side.

mod build;
mod client;
mod fields;
mod flush;
mod pki;
mod python;
mod reads;
mod reload;
mod resumption;
mod support;
