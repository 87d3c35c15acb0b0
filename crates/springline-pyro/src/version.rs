//! The wire versions, and what each of them has.

use crate::{Generation, Serializer};

/// A wire version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// Pyro4 4.2: 14-byte header, pickle only, no sequence numbers.
    V40,
    /// Pyro4 4.3: 18-byte header with a checksum, pickle only.
    V43,
    /// Pyro4 4.4 to 4.18: 38-byte header with a signature, pickle only. From here to 47 the daemon speaks first.
    V44,
    /// Pyro4 4.20 and 4.21: the same header. No message says in which serializer it is: both sides are set to one.
    V45,
    /// Pyro4 4.22 to 4.25: 24-byte header with a checksum.
    V46,
    /// Pyro4 4.26 to 4.37: the same header.
    V47,
    /// Pyro4 4.38 to 4.82: 24-byte header with a checksum.
    V48,
    /// Pyro5 5.0 and 5.1: 38-byte header, at most 65535 bytes of annotations.
    V501,
    /// Pyro5 5.2 to 5.17: 40-byte header.
    V502,
}

impl Version {
    /// The versions of Pyro4 before 4.38, which are used where they are asked for.
    pub const OLD: [Self; 6] = [Self::V40, Self::V43, Self::V44, Self::V45, Self::V46, Self::V47];

    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> u16 {
        match self {
            Self::V40 => 40,
            Self::V43 => 43,
            Self::V44 => 44,
            Self::V45 => 45,
            Self::V46 => 46,
            Self::V47 => 47,
            Self::V48 => 48,
            Self::V501 => 501,
            Self::V502 => 502,
        }
    }

    /// The version of that number, where it is one of ours.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Some(match number {
            40 => Self::V40,
            43 => Self::V43,
            44 => Self::V44,
            45 => Self::V45,
            46 => Self::V46,
            47 => Self::V47,
            48 => Self::V48,
            501 => Self::V501,
            502 => Self::V502,
            _ => return None,
        })
    }

    /// The version that a release speaks, as in `4.37` or `5.17`, where there is such a release.
    #[must_use]
    pub fn of_release(release: &str) -> Option<Self> {
        let (major, minor) = release.split_once('.')?;
        Some(match (major, minor.parse::<u8>().ok()?) {
            ("4", 2) => Self::V40,
            ("4", 3) => Self::V43,
            ("4", 4..=18) => Self::V44,
            ("4", 20..=21) => Self::V45,
            ("4", 22..=25) => Self::V46,
            ("4", 26..=37) => Self::V47,
            ("4", 38..=82) => Self::V48,
            ("5", 0..=1) => Self::V501,
            ("5", 2..) => Self::V502,
            _ => return None,
        })
    }

    /// Pyro4 or Pyro5.
    #[must_use]
    pub fn generation(self) -> Generation {
        match self {
            Self::V40 | Self::V43 | Self::V44 | Self::V45 | Self::V46 => Generation::Pyro4Early,
            Self::V47 => Generation::Pyro4Middle,
            Self::V48 => Generation::Pyro4,
            Self::V501 | Self::V502 => Generation::Pyro5,
        }
    }

    /// Bytes of a header.
    #[must_use]
    pub fn header_len(self) -> usize {
        match self {
            Self::V40 => 14,
            Self::V43 => 18,
            Self::V46 | Self::V47 | Self::V48 => 24,
            Self::V44 | Self::V45 | Self::V501 => 38,
            Self::V502 => 40,
        }
    }

    /// `pyro5/502`, for logs and [`Peer`](springline_core::Peer).
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::V40 => "pyro4/40",
            Self::V43 => "pyro4/43",
            Self::V44 => "pyro4/44",
            Self::V45 => "pyro4/45",
            Self::V46 => "pyro4/46",
            Self::V47 => "pyro4/47",
            Self::V48 => "pyro4/48",
            Self::V501 => "pyro5/501",
            Self::V502 => "pyro5/502",
        }
    }

    /// The releases that speak it.
    #[must_use]
    pub fn releases(self) -> &'static str {
        match self {
            Self::V40 => "Pyro4 4.2",
            Self::V43 => "Pyro4 4.3",
            Self::V44 => "Pyro4 4.4 to 4.18",
            Self::V45 => "Pyro4 4.20 and 4.21",
            Self::V46 => "Pyro4 4.22 to 4.25",
            Self::V47 => "Pyro4 4.26 to 4.37",
            Self::V48 => "Pyro4 4.38 to 4.82",
            Self::V501 => "Pyro5 5.0 and 5.1",
            Self::V502 => "Pyro5 from 5.2 on",
        }
    }

    /// Whether the daemon greets its clients before they have said anything.
    #[must_use]
    pub fn daemon_speaks_first(self) -> bool {
        matches!(self, Self::V44 | Self::V45 | Self::V46 | Self::V47)
    }

    /// The serializer that all messages are in, where there is only one.
    #[must_use]
    pub fn only_serializer(self) -> Option<Serializer> {
        matches!(self, Self::V40 | Self::V43 | Self::V44).then_some(Serializer::Pickle)
    }

    /// Whether its peers have the serializer at all.
    #[must_use]
    pub fn has_serializer(self, serializer: Serializer) -> bool {
        match self {
            Self::V40 | Self::V43 | Self::V44 => serializer == Serializer::Pickle,
            Self::V45 | Self::V46 | Self::V47 => {
                use Serializer::{Json, Marshal, Pickle, Serpent};
                matches!(serializer, Serpent | Json | Marshal | Pickle)
            }
            Self::V48 => true,
            Self::V501 | Self::V502 => !serializer.is_pickle(),
        }
    }

    /// Whether messages can be signed.
    #[must_use]
    pub fn has_signatures(self) -> bool {
        !matches!(self, Self::V40 | Self::V43) && self.generation().is_pyro4()
    }

    /// Whether there are annotations.
    #[must_use]
    pub fn has_annotations(self) -> bool {
        !matches!(self, Self::V40 | Self::V43 | Self::V44 | Self::V45)
    }

    /// Whether many calls can go in one message (44 from 4.6 on).
    #[must_use]
    pub fn has_batches(self) -> bool {
        !matches!(self, Self::V40 | Self::V43)
    }

    /// Whether attributes can be read and set (47 from 4.27 on).
    #[must_use]
    pub fn has_attributes(self) -> bool {
        self.generation() != Generation::Pyro4Early
    }

    /// Whether there are messages that only ask for a sign of life. 4.21 has them, 4.20 of the same version does not.
    #[must_use]
    pub fn has_pings(self) -> bool {
        !matches!(self, Self::V40 | Self::V43 | Self::V44 | Self::V45)
    }

    // Whether a payload begins with the version of the Python that wrote it.
    pub(crate) fn tells_python(self) -> bool {
        matches!(self, Self::V40 | Self::V43)
    }

    // Bytes of the length in an annotation's head, after its four-letter key.
    pub(crate) fn annotation_length_bytes(self) -> usize {
        match self {
            // In 501 only their total, in the header, has 16 bits (5.1).
            Self::V501 | Self::V502 => 4,
            _ => 2,
        }
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.number(), self.releases())
    }
}
