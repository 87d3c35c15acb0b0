//! Bounds on what a peer may make this process do. On by default.

use crate::{Error, ErrorKind, Result};

/// Every bound in one place. A zero never means "unlimited"; use the type's maximum for that.
///
/// ```
/// let mut limits = springline_core::Limits::new();
/// limits.message_size = 1 << 20;
/// assert_eq!(limits.depth, 200);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one message as it lies on the wire, headers included. Default 256 MiB.
    pub message_size: usize,
    /// Bytes one compressed message may grow to. Default 256 MiB.
    pub decompressed_size: usize,
    /// How many times larger than its compressed form a message may be, once it is over 16 MiB. Default 200.
    pub decompression_ratio: usize,
    /// Containers inside one another. Default 200, which is also serpent's own limit (1.43).
    pub depth: u32,
    /// Values in one message: scalars, containers and keys. Default 10 million.
    pub nodes: u32,
    /// Connections that a server keeps open at a time. Default 16,384.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_size: 256 << 20,
            decompressed_size: 256 << 20,
            decompression_ratio: 200,
            depth: 200,
            nodes: 10_000_000,
            connections: 16_384,
        }
    }
}

impl Limits {
    /// The defaults; fields can be set afterwards.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What one message may use of depth and nodes.
    #[must_use]
    pub fn budget(&self) -> Budget {
        Budget { depth: self.depth, nodes: self.nodes, max_depth: self.depth, max_nodes: self.nodes }
    }

    /// Refuses a message of `size` bytes that is over `message_size`.
    pub fn check_message(&self, size: usize) -> Result<()> {
        if size > self.message_size {
            return Err(Error::new(
                ErrorKind::Limit,
                format!("message of {size} bytes is over the limit message_size = {}", self.message_size),
            ));
        }
        Ok(())
    }
}

/// What is left of the depth and node limits while one message is read.
///
/// Each reader owns one and charges it for every event, also for those it skips.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    depth: u32,
    nodes: u32,
    max_depth: u32,
    max_nodes: u32,
}

impl Budget {
    /// Charges one value.
    #[inline]
    pub fn node(&mut self) -> Result<()> {
        self.many(1)
    }

    /// Charges `n` values at once (bulk arrays).
    #[inline]
    pub fn many(&mut self, n: u32) -> Result<()> {
        match self.nodes.checked_sub(n) {
            Some(left) => {
                self.nodes = left;
                Ok(())
            }
            None => Err(self.too_many()),
        }
    }

    /// Charges one container and goes one level down.
    #[inline]
    pub fn enter(&mut self) -> Result<()> {
        self.node()?;
        match self.depth.checked_sub(1) {
            Some(left) => {
                self.depth = left;
                Ok(())
            }
            None => Err(self.too_deep()),
        }
    }

    /// Comes back up from a container.
    #[inline]
    pub fn leave(&mut self) {
        self.depth = (self.depth + 1).min(self.max_depth);
    }

    /// Levels of nesting still allowed.
    #[must_use]
    pub fn depth_left(&self) -> u32 {
        self.depth
    }

    /// Values still allowed.
    #[must_use]
    pub fn nodes_left(&self) -> u32 {
        self.nodes
    }

    /// The same with at most `depth` more levels of nesting, for looking into a value of known shape.
    #[must_use]
    pub fn within_depth(self, depth: u32) -> Self {
        Self { depth: self.depth.min(depth), ..self }
    }

    #[cold]
    fn too_many(&self) -> Error {
        Error::new(ErrorKind::Limit, format!("message holds more values than the limit nodes = {}", self.max_nodes))
    }

    #[cold]
    fn too_deep(&self) -> Error {
        Error::new(ErrorKind::Limit, format!("containers are nested deeper than the limit depth = {}", self.max_depth))
    }
}

impl Default for Budget {
    fn default() -> Self {
        Limits::default().budget()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_names_itself() {
        let limits = Limits { message_size: 10, depth: 1, nodes: 3, ..Limits::default() };
        assert!(limits.check_message(10).is_ok());
        assert!(limits.check_message(11).unwrap_err().to_string().contains("message_size = 10"));
        let mut b = limits.budget();
        b.enter().unwrap();
        assert!(b.enter().unwrap_err().to_string().contains("depth = 1"));
        b.leave();
        b.enter().unwrap();
        assert!(b.node().unwrap_err().to_string().contains("nodes = 3"));
    }
}
