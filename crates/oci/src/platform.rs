//! Platforms in containerd's grammar and normal form.
//!
//! Source: `containerd/platforms`, as docker's CLI and daemon use it (`os`, `arch`, `os/arch[/variant]`,
//! `os(version+feature)/arch`), and the OCI image spec's image-index.md.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::descriptor::null_as_empty;

/// What an image runs on, in the field order of Go's `specs-go`; empty means unset.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// The CPU architecture (`GOARCH`).
    #[serde(default, deserialize_with = "null_as_empty")]
    pub architecture: String,
    /// The operating system (`GOOS`).
    #[serde(default, deserialize_with = "null_as_empty")]
    pub os: String,
    /// The operating system's version.
    #[serde(
        default,
        rename = "os.version",
        deserialize_with = "null_as_empty",
        skip_serializing_if = "String::is_empty"
    )]
    pub os_version: String,
    /// Features the operating system must have.
    #[serde(
        default,
        rename = "os.features",
        deserialize_with = "null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub os_features: Vec<String>,
    /// The CPU variant.
    #[serde(default, deserialize_with = "null_as_empty", skip_serializing_if = "String::is_empty")]
    pub variant: String,
}

/// Why a string is no platform, in containerd's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}: invalid argument")]
pub struct InvalidPlatform(String);

const OS_PATTERN: &str = r"^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.%-]*)((?:\+[A-Za-z0-9_.%-]+)*)\))?$";
const PART_PATTERN: &str = r"^[A-Za-z0-9_.-]+$";

const KNOWN_OS: &[&str] = &[
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "windows",
    "zos",
];
const KNOWN_ARCH: &[&str] = &[
    "386",
    "amd64",
    "amd64p32",
    "arm",
    "armbe",
    "arm64",
    "arm64be",
    "ppc64",
    "ppc64le",
    "loong64",
    "mips",
    "mipsle",
    "mips64",
    "mips64le",
    "mips64p32",
    "mips64p32le",
    "ppc",
    "riscv",
    "riscv64",
    "s390",
    "s390x",
    "sparc",
    "sparc64",
    "wasm",
];

impl Platform {
    /// A platform without version and features.
    #[must_use]
    pub fn new(os: &str, architecture: &str, variant: &str) -> Self {
        Self { architecture: architecture.into(), os: os.into(), variant: variant.into(), ..Self::default() }
    }

    /// The platform this program runs on, as Go names it, without a variant.
    #[must_use]
    pub fn host() -> Self {
        let architecture = match std::env::consts::ARCH {
            "x86" => "386",
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
            "powerpc64" => "ppc64",
            "loongarch64" => "loong64",
            other => other,
        };
        Self::new(if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS }, architecture, "")
    }

    /// Parses one specifier; a single component is an OS or an architecture, completed from the host.
    ///
    /// # Errors
    /// [`InvalidPlatform`] with the text docker's CLI prints after `invalid platform: `.
    pub fn parse(specifier: &str) -> Result<Self, InvalidPlatform> {
        if specifier.contains('*') {
            return Err(InvalidPlatform(format!("{specifier:?}: wildcards not yet supported")));
        }
        let mut parts = specifier.splitn(4, '/');
        let first = parts.next().unwrap_or_default();
        let (os, os_version, os_features) = parse_os(first, specifier)?;
        let rest: Vec<&str> = parts.collect();
        for part in &rest {
            if part.is_empty() || !part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b)) {
                return Err(InvalidPlatform(format!(
                    "{part:?} is an invalid component of {specifier:?}: platform specifier component must match {PART_PATTERN:?}"
                )));
            }
        }
        let mut platform = Self { os: normal_os(os), os_version, os_features, ..Self::default() };
        let set = |platform: &mut Self, (architecture, variant)| {
            platform.architecture = architecture;
            platform.variant = variant;
        };
        match rest.as_slice() {
            [] => {
                let host = Self::host();
                if KNOWN_OS.contains(&platform.os.as_str()) {
                    platform.architecture = host.architecture;
                    return Ok(platform);
                }
                set(&mut platform, without_arm_v7(normal_arch(first, "")));
                if !KNOWN_ARCH.contains(&platform.architecture.as_str()) {
                    return Err(InvalidPlatform(format!(
                        "{specifier:?}: unknown operating system or architecture"
                    )));
                }
                platform.os = host.os;
            }
            [architecture] => set(&mut platform, without_arm_v7(normal_arch(architecture, ""))),
            [architecture, variant] => {
                set(&mut platform, normal_arch(architecture, variant));
                if platform.architecture == "arm64" && platform.variant.is_empty() {
                    "v8".clone_into(&mut platform.variant);
                }
            }
            _ => return Err(InvalidPlatform(format!("{specifier:?}: cannot parse platform specifier"))),
        }
        Ok(platform)
    }

    /// The canonical form, by which platforms are compared.
    #[must_use]
    pub fn normalized(&self) -> Self {
        let (architecture, variant) = normal_arch(&self.architecture, &self.variant);
        let mut os_features = self.os_features.clone();
        os_features.sort();
        os_features.dedup();
        Self {
            architecture,
            os: normal_os(&self.os),
            os_version: self.os_version.clone(),
            os_features,
            variant,
        }
    }

    /// Whether an image for `offered` satisfies a request for `self`.
    ///
    /// OS, architecture and variant must agree after normalisation; a requested OS version must be a
    /// prefix of the offered one (Windows builds), and the offered features a subset of the requested.
    #[must_use]
    pub fn matches(&self, offered: &Self) -> bool {
        let (wanted, offered) = (self.normalized(), offered.normalized());
        let features =
            wanted.os == "windows" || offered.os_features.iter().all(|f| wanted.os_features.contains(f));
        wanted.os == offered.os
            && wanted.architecture == offered.architecture
            && wanted.variant == offered.variant
            && (wanted.os_version.is_empty() || same_build(&wanted.os_version, &offered.os_version))
            && features
    }

    /// Whether this is the pseudo platform `unknown/unknown` of attestations.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.os == "unknown" && self.architecture == "unknown"
    }
}

/// Windows images run on their build, whatever the revision: `10.0.17763` serves `10.0.17763.1234`.
fn same_build(wanted: &str, offered: &str) -> bool {
    offered == wanted || offered.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('.'))
}

/// `os[(version[+feature]...)]`
fn parse_os<'a>(part: &'a str, specifier: &str) -> Result<(&'a str, String, Vec<String>), InvalidPlatform> {
    let invalid = || {
        InvalidPlatform(format!(
            "{part:?} is an invalid OS component of {specifier:?}: OSAndVersion specifier component must match {OS_PATTERN:?}"
        ))
    };
    let (os, options) = match part.split_once('(') {
        Some((os, rest)) => (os, Some(rest.strip_suffix(')').ok_or_else(invalid)?)),
        None => (part, None),
    };
    let word = |s: &str, extra: &[u8]| s.bytes().all(|b| b.is_ascii_alphanumeric() || extra.contains(&b));
    if os.is_empty() || !word(os, b"_-") {
        return Err(invalid());
    }
    let mut options = options.unwrap_or_default().split('+');
    let version = options.next().unwrap_or_default();
    let features: Vec<&str> = options.collect();
    if !word(version, b"_.%-") || features.iter().any(|f| f.is_empty() || !word(f, b"_.%-")) {
        return Err(invalid());
    }
    let features = features.into_iter().map(decode).collect::<Option<_>>().ok_or_else(invalid)?;
    Ok((os, decode(version).ok_or_else(invalid)?, features))
}

/// Undoes the percent-encoding of an OS option.
fn decode(option: &str) -> Option<String> {
    let mut pieces = option.split('%');
    let mut out = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (hex, rest) = piece.split_at_checked(2)?;
        out.push(u8::from_str_radix(hex, 16).ok()?);
        out.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(out).ok()
}

/// Encodes what the grammar does not allow.
fn encode(option: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    option.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn normal_os(os: &str) -> String {
    match os.to_ascii_lowercase().as_str() {
        "" => Platform::host().os,
        "macos" => "darwin".to_owned(),
        os => os.to_owned(),
    }
}

fn normal_arch(architecture: &str, variant: &str) -> (String, String) {
    let (architecture, variant) = (architecture.to_ascii_lowercase(), variant.to_ascii_lowercase());
    let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
        ("i386", _) => ("386", ""),
        ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
        ("x86_64" | "x86-64", v) => ("amd64", v),
        ("aarch64" | "arm64", "8" | "v8" | "v8.0") => ("arm64", ""),
        ("aarch64" | "arm64", "9" | "9.0" | "v9.0") => ("arm64", "v9"),
        ("aarch64", v) => ("arm64", v),
        ("armhf", _) => ("arm", "v7"),
        ("armel", _) => ("arm", "v6"),
        ("arm", "" | "7") => ("arm", "v7"),
        ("arm", "5") => ("arm", "v5"),
        ("arm", "6") => ("arm", "v6"),
        ("arm", "8") => ("arm", "v8"),
        (a, v) => (a, v),
    };
    (architecture.to_owned(), variant.to_owned())
}

/// A request for plain `arm` leaves the variant to the default.
fn without_arm_v7((architecture, variant): (String, String)) -> (String, String) {
    if architecture == "arm" && variant == "v7" {
        (architecture, String::new())
    } else {
        (architecture, variant)
    }
}

impl fmt::Display for Platform {
    /// `os[(version+features)]/architecture[/variant]`, containerd's `FormatAll`; what the grammar does not
    /// allow is percent-encoded, so it is safe to print.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.os.is_empty() {
            return f.write_str("unknown");
        }
        f.write_str(&encode(&self.os))?;
        if !self.os_version.is_empty() || !self.os_features.is_empty() {
            write!(f, "({}", encode(&self.os_version))?;
            for feature in &self.os_features {
                write!(f, "+{}", encode(feature))?;
            }
            f.write_str(")")?;
        }
        for part in [&self.architecture, &self.variant] {
            if !part.is_empty() {
                write!(f, "/{}", encode(part))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(specifier: &str) -> String {
        Platform::parse(specifier).unwrap().to_string()
    }

    #[test]
    fn parses_as_containerd_does() {
        let host = Platform::host();
        assert_eq!(parsed("linux"), format!("linux/{}", host.architecture));
        assert_eq!(parsed("arm64"), format!("{}/arm64", host.os));
        assert_eq!(parsed("Linux/x86_64"), "linux/amd64");
        assert_eq!(parsed("linux/arm"), "linux/arm");
        assert_eq!(parsed("linux/armhf"), "linux/arm");
        assert_eq!(parsed("linux/armel"), "linux/arm/v6");
        assert_eq!(parsed("linux/arm/7"), "linux/arm/v7");
        assert_eq!(parsed("linux/arm64"), "linux/arm64");
        assert_eq!(parsed("linux/aarch64/v8"), "linux/arm64/v8");
        assert_eq!(parsed("linux/amd64/v1"), "linux/amd64");
        assert_eq!(parsed("macos/arm64"), "darwin/arm64");
        assert_eq!(parsed("windows(10.0.17763+win32k)/amd64"), "windows(10.0.17763+win32k)/amd64");
    }

    #[test]
    fn refuses_in_containerd_words() {
        let text = |s: &str| Platform::parse(s).unwrap_err().to_string();
        assert_eq!(text("linux/*"), r#""linux/*": wildcards not yet supported: invalid argument"#);
        assert_eq!(text("x"), r#""x": unknown operating system or architecture: invalid argument"#);
        assert_eq!(text("a/b/c/d"), r#""a/b/c/d": cannot parse platform specifier: invalid argument"#);
        assert!(text("<invalid>").starts_with(
            r#""<invalid>" is an invalid OS component of "<invalid>": OSAndVersion specifier component must match "^([A-Za-z0-9_-]+)(?:\\("#
        ));
        assert!(text("linux//v8").starts_with(r#""" is an invalid component of "linux//v8""#));
    }

    #[test]
    fn matches_after_normalisation() {
        let wants = |w: &str, o: Platform| Platform::parse(w).unwrap().matches(&o);
        assert!(wants("linux/arm64", Platform::new("linux", "arm64", "v8")));
        assert!(wants("linux/arm64/v8", Platform::new("linux", "arm64", "")));
        assert!(wants("linux/arm", Platform::new("linux", "arm", "v7")));
        assert!(!wants("linux/arm", Platform::new("linux", "arm", "v6")));
        assert!(!wants("linux/amd64", Platform::new("linux", "amd64", "v3")));
    }

    proptest! {
        #[test]
        fn parse_of_display_is_identity(specifier in "[a-z0-9]{1,8}(\\([a-z0-9.%+]{0,8}\\))?/[a-z0-9]{1,8}(/[a-z0-9.]{1,6})?") {
            if let Ok(platform) = Platform::parse(&specifier) {
                prop_assert_eq!(Platform::parse(&platform.to_string()).unwrap(), platform);
            }
        }

        #[test]
        fn never_panics(specifier: String) {
            let _ = Platform::parse(&specifier);
        }
    }
}
