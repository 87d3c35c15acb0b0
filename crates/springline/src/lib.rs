//! springline
