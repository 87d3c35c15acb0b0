//! What releases of Pyro4 before 4.38, and Python 2, have no way to do. `client.py` says it of itself; here is what their servers lack.

use springline_pyro::{Serializer, Version};

use crate::table::Peer;

pub(crate) const NO_IPV6: &str = "Pyro4 has IPv6 since 4.18";

pub(crate) fn has_ipv6(peer: Peer) -> bool {
    !matches!(peer, Peer::Old(Version::V40 | Version::V43 | Version::V44))
}

// 4.20 has them, and does not take their names as `unicode`, which they come as in URIs of all serializers but pickle.
pub(crate) fn has_unix_sockets(peer: Peer) -> bool {
    !matches!(peer, Peer::Old(Version::V40 | Version::V43 | Version::V45))
}

/// Why a server cannot show the feature, in any way that a client could ask for.
pub(crate) fn server_lacks(peer: Peer, serializer: Serializer, feature: &str) -> Option<String> {
    let Peer::Old(version) = peer else { return None };
    let number = version.number();
    let since = |what: &str, release: &str| Some(format!("Pyro4 has {what} since {release}"));
    match feature {
        "handshake" | "handshake_refused" if number < 48 => since("handshake data", "4.38"),
        "metadata" if number < 47 => since("metadata", "4.27"),
        "attribute_get" | "attribute_set" | "attribute_refused" if number < 47 => since("access to attributes", "4.27"),
        "annotations" | "correlation_id" | "daemon_annotation" if number < 47 => since("contexts of calls", "4.37"),
        "private_method" if number < 47 => {
            Some("servers before 4.27 let every attribute of an object be called".to_owned())
        }
        "stream" | "stream_fail" | "stream_close" if number < 48 => since("item streams", "4.49"),
        "batch" | "batch_exception" | "batch_oneway" if number < 44 => since("batches", "4.6"),
        "batch_exception" if number == 45 && serializer != Serializer::Pickle => {
            Some("4.20 writes an exception in a batch in pickle alone".to_owned())
        }
        "batch_exception" if number == 46 && serializer == Serializer::Marshal => {
            Some("4.25's marshal fails at an exception in a batch, and the server hangs up".to_owned())
        }
        "sequence_wrap" if version == Version::V40 => since("sequence numbers", "4.3"),
        "hmac" if number < 44 => since("HMAC keys", "4.4"),
        "autoproxy" if number < 44 => since("autoproxies", "4.7"),
        "autoproxy" if number == 45 && serializer != Serializer::Pickle => {
            Some("4.20 replaces its own objects by proxies in pickle alone".to_owned())
        }
        "exception:SecurityError" if number < 44 => since("SecurityError", "4.5"),
        "exception:SerializeError" if number < 47 => since("SerializeError", "4.27"),
        "exception_own" | "exception_own_registered" if number == 45 && serializer == Serializer::Serpent => {
            Some("4.20's serpent tells no modules of classes".to_owned())
        }
        "exception_unserializable" if number < 45 => {
            Some("servers before 4.20 hang up where an exception cannot be written".to_owned())
        }
        "serpent_bytes_literal" => Some("only the serpent of Pyro5 5.2 and later has SERPENT_BYTES_REPR".to_owned()),
        "echo:set" | "echo:set_str" | "echo:frozenset" if number == 48 && serializer == Serializer::Serpent => {
            Some("serpent of Python 2 reads no literals of sets, which Pyro4 on Python 3 writes as well".to_owned())
        }
        "echo:i32_over" if number == 48 && serializer == Serializer::Marshal => {
            Some("marshal of 4.82 knows no class 'long' of Python 2".to_owned())
        }
        "special:uuid" if number == 48 && serializer == Serializer::Marshal => {
            Some("marshal of Python 2 writes text that is ASCII as bytes".to_owned())
        }
        "echo:bytes_empty" => Some("Python 2 has one type for bytes and text; where it can be text, it is".to_owned()),
        "specials" if serializer != Serializer::Serpent => {
            Some("Python 2 shows other types than it writes: json's dates and decimals, pickle's bytes".to_owned())
        }
        "restart" if number < 44 => {
            Some("4.2 and 4.3 ask for an address's reuse after they have bound it, which is too late".to_owned())
        }
        "version_found_out" if number < 44 => Some("4.2 and 4.3 answer their own version alone".to_owned()),
        _ => None,
    }
}
