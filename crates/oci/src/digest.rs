//! Content digests: `sha256:<64 hex>` or `sha512:<128 hex>`, lower case, nothing else.
//!
//! Source: the OCI image spec's descriptor.md, "Digests". A [`Digest`] that exists is well-formed, so its
//! hex may name a file without further checks.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

/// The registered algorithms that may address a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-256, 64 hex characters.
    Sha256,
    /// SHA-512, 128 hex characters.
    Sha512,
}

impl Algorithm {
    /// Every algorithm, in the order of their names.
    pub const ALL: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Sha512];

    /// The name before the colon, which is also the folder name in an OCI layout.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// The digest of `content`.
    #[must_use]
    pub fn digest(self, content: &[u8]) -> Digest {
        let mut hasher = Hasher::new(self);
        hasher.update(content);
        hasher.finish()
    }

    /// Length of the digest in bytes.
    fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// The digest of some content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest {
    algorithm: Algorithm,
    /// Only the first `algorithm.len()` bytes count; the rest are zero.
    bytes: [u8; 64],
}

/// Why a string is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDigest {
    /// Not `algorithm:hex`, or the hex has other characters than `0-9a-f`.
    #[error("invalid checksum digest format")]
    Format,
    /// Well-formed, but neither sha256 nor sha512.
    #[error("unsupported digest algorithm")]
    Unsupported,
    /// The hex has the wrong length for its algorithm.
    #[error("invalid checksum digest length")]
    Length,
}

impl Digest {
    /// The sha256 digest of `content`.
    #[must_use]
    pub fn sha256(content: &[u8]) -> Self {
        Algorithm::Sha256.digest(content)
    }

    /// Parses the part after the colon; `None` unless it is exactly the lower-case hex of `algorithm`.
    #[must_use]
    pub fn from_hex(algorithm: Algorithm, hex: &str) -> Option<Self> {
        if hex.len() != algorithm.len() * 2 {
            return None;
        }
        let mut bytes = [0; 64];
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let &[high, low] = pair else { return None };
            *byte = nibble(high)? << 4 | nibble(low)?;
        }
        Some(Self { algorithm, bytes })
    }

    /// The algorithm before the colon.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The part after the colon, lower case.
    #[must_use]
    pub fn hex(&self) -> String {
        self.hex_of(self.algorithm.len())
    }

    /// The first 12 hex characters, as tables show it.
    #[must_use]
    pub fn short(&self) -> String {
        self.hex_of(6)
    }

    fn hex_of(&self, bytes: usize) -> String {
        const HEX: [char; 16] =
            ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
        let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or('0');
        let mut hex = String::with_capacity(2 * bytes);
        for byte in self.bytes.iter().take(bytes) {
            hex.push(digit(byte >> 4));
            hex.push(digit(byte & 15));
        }
        hex
    }

    /// The blob's place in an OCI layout, `blobs/<algorithm>/<hex>`.
    #[must_use]
    pub fn blob_path(&self) -> String {
        format!("blobs/{}/{}", self.algorithm.name(), self.hex())
    }
}

/// A digest is random already: a part of it hashes as well as the whole.
impl std::hash::Hash for Digest {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let (part, _) = self.bytes.split_at(16);
        state.write(part);
    }
}

fn nibble(c: u8) -> Option<u8> {
    match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(s: &str) -> Result<Self, InvalidDigest> {
        // Nearly every digest there is.
        if let Some(digest) = s.strip_prefix("sha256:").and_then(|hex| Self::from_hex(Algorithm::Sha256, hex))
        {
            return Ok(digest);
        }
        let (name, hex) = s.split_once(':').ok_or(InvalidDigest::Format)?;
        let component =
            |c: &str| !c.is_empty() && c.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if !name.split(['+', '.', '_', '-']).all(component) || hex.is_empty() {
            return Err(InvalidDigest::Format);
        }
        if !hex.bytes().all(|b| b.is_ascii_alphanumeric() || b"=_-".contains(&b)) {
            return Err(InvalidDigest::Format);
        }
        let algorithm =
            Algorithm::ALL.into_iter().find(|a| a.name() == name).ok_or(InvalidDigest::Unsupported)?;
        if hex.len() != algorithm.len() * 2 {
            return Err(InvalidDigest::Length);
        }
        Self::from_hex(algorithm, hex).ok_or(InvalidDigest::Format)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(self);
        }
        serializer.serialize_bytes(self.bytes.get(..self.algorithm.len()).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Digest;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a digest")
            }
            fn visit_str<E: serde::de::Error>(self, s: &str) -> Result<Digest, E> {
                let shown: String = s.chars().take(140).flat_map(char::escape_default).collect();
                s.parse().map_err(|e| E::custom(format!("invalid digest `{shown}`: {e}")))
            }
            fn visit_bytes<E: serde::de::Error>(self, raw: &[u8]) -> Result<Digest, E> {
                let algorithm = Algorithm::ALL.into_iter().find(|a| a.len() == raw.len());
                let algorithm = algorithm.ok_or_else(|| E::custom("a digest of no known length"))?;
                let mut bytes = [0; 64];
                bytes.iter_mut().zip(raw).for_each(|(to, from)| *to = *from);
                Ok(Digest { algorithm, bytes })
            }
        }
        if deserializer.is_human_readable() {
            return deserializer.deserialize_str(Visitor);
        }
        deserializer.deserialize_bytes(Visitor)
    }
}

/// Computes a [`Digest`] from content that arrives in pieces.
#[derive(Clone)]
pub enum Hasher {
    /// Computes sha256.
    Sha256(sha2::Sha256),
    /// Computes sha512.
    Sha512(sha2::Sha512),
}

impl Hasher {
    /// Starts with no content.
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Sha256(sha2::Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(sha2::Sha512::new()),
        }
    }

    /// Adds the next piece of the content.
    pub fn update(&mut self, piece: &[u8]) {
        match self {
            Self::Sha256(h) => h.update(piece),
            Self::Sha512(h) => h.update(piece),
        }
    }

    /// The digest of everything added.
    #[must_use]
    pub fn finish(self) -> Digest {
        let mut bytes = [0; 64];
        let mut fill = |sum: &[u8]| bytes.iter_mut().zip(sum).for_each(|(to, from)| *to = *from);
        let algorithm = match self {
            Self::Sha256(h) => {
                fill(&h.finalize());
                Algorithm::Sha256
            }
            Self::Sha512(h) => {
                fill(&h.finalize());
                Algorithm::Sha512
            }
        };
        Digest { algorithm, bytes }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn hashes_and_shows() {
        assert_eq!(Digest::sha256(b"").to_string(), EMPTY);
        assert_eq!(Digest::sha256(b"").short(), "e3b0c44298fc");
    }

    #[test]
    fn refuses_what_is_not_strict() {
        let parse = str::parse::<Digest>;
        assert_eq!(parse(&EMPTY.to_uppercase().replace("SHA256", "sha256")), Err(InvalidDigest::Format));
        assert_eq!(parse("sha256:../../../../etc/passwd"), Err(InvalidDigest::Format));
        assert_eq!(parse("md5:d41d8cd98f00b204e9800998ecf8427e"), Err(InvalidDigest::Unsupported));
        assert_eq!(parse("sha256:e3b0"), Err(InvalidDigest::Length));
        assert_eq!(parse("sha256"), Err(InvalidDigest::Format));
        assert_eq!(parse(":"), Err(InvalidDigest::Format));
    }

    proptest! {
        #[test]
        fn parse_of_display_is_identity(content: Vec<u8>, wide: bool) {
            let algorithm = if wide { Algorithm::Sha512 } else { Algorithm::Sha256 };
            let digest = algorithm.digest(&content);
            prop_assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        }

        #[test]
        fn order_is_that_of_the_text(a: Vec<u8>, b: Vec<u8>) {
            let (a, b) = (Digest::sha256(&a), Digest::sha256(&b));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }
    }
}
