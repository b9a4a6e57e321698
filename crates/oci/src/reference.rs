//! Image references in docker's grammar: `[domain/]path[:tag][@digest]`.
//!
//! Source: `distribution/reference` (grammar and error texts). A parsed [`Reference`] is always in full form
//! (`docker.io/library/busybox`); [`Reference::familiar`] gives the form people type.

use std::fmt;

use crate::{Algorithm, Digest, InvalidDigest};

const DEFAULT_DOMAIN: &str = "docker.io";
const LEGACY_DEFAULT_DOMAIN: &str = "index.docker.io";
const OFFICIAL: &str = "library/";
const DEFAULT_TAG: &str = "latest";
/// `RepositoryNameTotalLengthMax` of `distribution/reference`: the path, the domain not counted.
const MAX_PATH: usize = 255;
const MAX_TAG: usize = 128;

/// A normalised image reference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    domain: String,
    path: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// Why a string is no reference, in the words of `distribution/reference`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReference {
    /// Does not follow the grammar.
    #[error("invalid reference format")]
    Format,
    /// What is to be the tag is none.
    #[error("invalid tag format")]
    Tag,
    /// The path has upper-case letters.
    #[error("invalid reference format: repository name ({0}) must be lowercase")]
    Uppercase(String),
    /// The whole would be a reference if it were lower case.
    #[error("repository name must be lowercase")]
    NotLowercase,
    /// 64 hex characters are an image ID, never a name.
    #[error("invalid repository name ({0}), cannot specify 64-byte hexadecimal strings")]
    Identifier(String),
    /// The path is longer than 255 characters.
    #[error("repository name must not be more than 255 characters")]
    TooLong,
    /// What follows `@` is no digest.
    #[error(transparent)]
    Digest(#[from] InvalidDigest),
}

impl Reference {
    /// Parses a familiar or full reference and normalises it (`ParseNormalizedNamed`); no tag is added.
    ///
    /// # Errors
    /// [`InvalidReference`].
    pub fn parse(s: &str) -> Result<Self, InvalidReference> {
        if s.len() == 64 && Digest::from_hex(Algorithm::Sha256, s).is_some() {
            return Err(InvalidReference::Identifier(s.to_owned()));
        }
        let (domain, remainder) = split_domain(s);
        let path = remainder.split_once(':').map_or(remainder.as_str(), |(path, _)| path);
        if has_upper(path) {
            return Err(InvalidReference::Uppercase(path.to_owned()));
        }
        match Self::parse_full(&domain, &remainder) {
            Err(InvalidReference::Format)
                if !matches!(
                    Self::parse_full(&lower(&domain), &lower(&remainder)),
                    Err(InvalidReference::Format)
                ) =>
            {
                Err(InvalidReference::NotLowercase)
            }
            parsed => parsed,
        }
    }

    /// `remainder` is `path[:tag][@digest]`.
    fn parse_full(domain: &str, remainder: &str) -> Result<Self, InvalidReference> {
        let (named, digest) = match remainder.split_once('@') {
            Some((named, digest)) => (named, Some(digest)),
            None => (remainder, None),
        };
        let (path, tag) = match named.split_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (named, None),
        };
        // What looks like a host but cannot be one is the path's first component.
        let whole = (!is_domain(domain) && is_path_component(domain)).then(|| format!("{domain}/{path}"));
        let (domain, path) = whole.as_deref().map_or((domain, path), |whole| ("", whole));
        let well_formed = (domain.is_empty() || is_domain(domain))
            && path.split('/').all(is_path_component)
            && tag.is_none_or(is_tag)
            && digest.is_none_or(is_digest);
        if !well_formed {
            return Err(InvalidReference::Format);
        }
        if path.len() > MAX_PATH {
            return Err(InvalidReference::TooLong);
        }
        Ok(Self {
            domain: domain.to_owned(),
            path: path.to_owned(),
            tag: tag.map(str::to_owned),
            digest: digest.map(str::parse).transpose()?,
        })
    }

    /// The registry's host and port; empty for the odd name whose first component looks like a host and is none.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The repository below the domain.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Domain and path: the repository's full name.
    #[must_use]
    pub fn name(&self) -> String {
        if self.domain.is_empty() { self.path.clone() } else { format!("{}/{}", self.domain, self.path) }
    }

    /// The tag, if there is one.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if there is one.
    #[must_use]
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Neither tag nor digest: as an argument of `save` it means every tag.
    #[must_use]
    pub fn is_name_only(&self) -> bool {
        self.tag.is_none() && self.digest.is_none()
    }

    /// With `:latest` where neither tag nor digest is given (`TagNameOnly`).
    #[must_use]
    pub fn or_latest(mut self) -> Self {
        if self.is_name_only() {
            self.tag = Some(DEFAULT_TAG.to_owned());
        }
        self
    }

    /// The same repository with this tag and no digest.
    ///
    /// # Errors
    /// [`InvalidReference::Tag`] if `tag` is not a tag.
    pub fn with_tag(&self, tag: &str) -> Result<Self, InvalidReference> {
        if !is_tag(tag) {
            return Err(InvalidReference::Tag);
        }
        Ok(Self { tag: Some(tag.to_owned()), digest: None, ..self.clone() })
    }

    /// The repository's name as people type it (`busybox`, `user/app`, `registry:5000/app`). What would be read as
    /// another host's (`docker.io/ghcr.io/app`) is not shortened, though Go's `FamiliarName` does it.
    #[must_use]
    pub fn familiar_name(&self) -> String {
        if self.domain != DEFAULT_DOMAIN {
            return self.name();
        }
        match self.path.strip_prefix(OFFICIAL) {
            Some(short) if !short.contains('/') => short.to_owned(),
            _ if split_domain(&self.path).1 != self.path => self.name(),
            _ => self.path.clone(),
        }
    }

    /// The whole reference as people type it (`FamiliarString`).
    #[must_use]
    pub fn familiar(&self) -> String {
        self.render(self.familiar_name())
    }

    fn render(&self, mut name: String) -> String {
        if let Some(tag) = &self.tag {
            name = format!("{name}:{tag}");
        }
        if let Some(digest) = &self.digest {
            name = format!("{name}@{digest}");
        }
        name
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(self.name()))
    }
}

impl std::str::FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(s: &str) -> Result<Self, InvalidReference> {
        Self::parse(s)
    }
}

/// Lower case one character at a time, as Go does it.
fn lower(s: &str) -> String {
    s.chars().map(|c| c.to_lowercase().next().unwrap_or(c)).collect()
}

fn has_upper(s: &str) -> bool {
    if s.is_ascii() { s.bytes().any(|b| b.is_ascii_uppercase()) } else { lower(s) != s }
}

/// Splits off the domain, or supplies docker's; the first component is a domain if it looks like a host.
fn split_domain(s: &str) -> (String, String) {
    let (domain, remainder) = match s.split_once('/') {
        Some((first, rest))
            if first.contains(['.', ':'])
                || first == "localhost"
                || first.chars().any(char::is_uppercase) =>
        {
            (first, rest)
        }
        _ => (DEFAULT_DOMAIN, s),
    };
    let domain = if domain == LEGACY_DEFAULT_DOMAIN { DEFAULT_DOMAIN } else { domain };
    if domain == DEFAULT_DOMAIN && !remainder.contains('/') {
        return (domain.to_owned(), format!("{OFFICIAL}{remainder}"));
    }
    (domain.to_owned(), remainder.to_owned())
}

/// A host name, an IPv4 address or an IPv6 address in brackets, with an optional port.
fn is_domain(domain: &str) -> bool {
    let (host, port) = match domain.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, "")) => return is_ipv6(address),
        Some((address, port)) if is_ipv6(address) => ("x", port.strip_prefix(':')),
        Some(_) => return false,
        None => match domain.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (domain, Some("0")),
        },
    };
    let label = |label: &str| {
        label.starts_with(|c: char| c.is_ascii_alphanumeric())
            && label.ends_with(|c: char| c.is_ascii_alphanumeric())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    host.split('.').all(label) && port.is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))
}

fn is_ipv6(address: &str) -> bool {
    !address.is_empty() && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':')
}

/// Lower-case alphanumerics, joined by `.`, `_`, `__` or any number of `-`.
fn is_path_component(component: &str) -> bool {
    let bytes = component.as_bytes();
    let alphanumeric = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    if !bytes.first().is_some_and(alphanumeric) || !bytes.last().is_some_and(alphanumeric) {
        return false;
    }
    bytes.split(alphanumeric).all(|separator| {
        matches!(separator, b"" | b"." | b"_" | b"__") || separator.iter().all(|b| *b == b'-')
    })
}

fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    tag.len() <= MAX_TAG
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

/// The shape of a digest, looser than a digest itself: what fails here is a format error, what fails
/// later a digest error.
fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else { return false };
    let component = |c: &str| {
        c.starts_with(|c: char| c.is_ascii_alphabetic()) && c.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    algorithm.split(['+', '.', '-', '_']).all(component)
        && hex.len() >= 32
        && hex.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn full_and_familiar() {
        let both = |s: &str| {
            let r = Reference::parse(s).unwrap();
            (r.to_string(), r.familiar())
        };
        assert_eq!(both("busybox"), ("docker.io/library/busybox".into(), "busybox".into()));
        assert_eq!(both("index.docker.io/u/x:1"), ("docker.io/u/x:1".into(), "u/x:1".into()));
        assert_eq!(both("localhost/x"), ("localhost/x".into(), "localhost/x".into()));
        for hidden in ["docker.io/ghcr.io/x", "docker.io/localhost/x", "docker.io/docker.io/x"] {
            assert_eq!(both(hidden), (hidden.into(), hidden.into()));
        }
        assert_eq!(both("[::1]:5000/x:y"), ("[::1]:5000/x:y".into(), "[::1]:5000/x:y".into()));
        assert_eq!(Reference::parse("a").unwrap().or_latest().to_string(), "docker.io/library/a:latest");
    }

    #[test]
    fn refuses() {
        let text = |s: &str| Reference::parse(s).unwrap_err().to_string();
        assert_eq!(text("a//b"), "invalid reference format");
        assert_eq!(text("Foo"), "invalid reference format: repository name (library/Foo) must be lowercase");
        assert_eq!(text(&"a".repeat(300)), "repository name must not be more than 255 characters");
        assert_eq!(text("demo/\u{1b}]0;x"), "invalid reference format");
    }

    proptest! {
        #[test]
        fn parse_of_display_is_identity(s in "([a-zA-Z0-9.:-]{1,9}/)?[a-z0-9._-]{1,9}(/[a-z0-9._-]{1,5})?(:[a-zA-Z0-9._-]{1,9})?") {
            if let Ok(reference) = Reference::parse(&s) {
                prop_assert_eq!(&Reference::parse(&reference.to_string()).unwrap(), &reference);
                prop_assert_eq!(&Reference::parse(&reference.familiar()).unwrap(), &reference);
            }
        }

        #[test]
        fn never_panics(s: String) {
            let _ = Reference::parse(&s);
        }
    }
}
