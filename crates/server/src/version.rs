//! Versions of the Engine API.

use std::fmt;

/// `1.44`: ordered as they came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiVersion(pub(crate) u32, pub(crate) u32);

impl ApiVersion {
    /// The oldest that is spoken.
    pub(crate) const OLDEST: Self = Self(1, 40);
    /// The newest that is spoken, and what a path without a version means.
    pub const NEWEST: Self = Self(1, 55);

    /// Reads what follows the `v` of a path; `None` if that is no version.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let number = |n: &str| {
            let digits = !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| n.parse().ok()).flatten()
        };
        match text.split_once('.') {
            Some((major, minor)) => Some(Self(number(major)?, number(minor)?)),
            None => Some(Self(number(text)?, 0)),
        }
    }

    /// Why a version is not spoken, in docker's words.
    pub(crate) fn refusal(self) -> Option<String> {
        if self < Self::OLDEST {
            return Some(format!(
                "client version {self} is too old. Minimum supported API version is {}, please upgrade your client to a newer version",
                Self::OLDEST
            ));
        }
        (self > Self::NEWEST).then(|| {
            format!("client version {self} is too new. Maximum supported API version is {}", Self::NEWEST)
        })
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self(major, 0) => write!(f, "{major}"),
            Self(major, minor) => write!(f, "{major}.{minor}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_dockers() {
        let refusal = |text: &str| ApiVersion::parse(text).unwrap().refusal().unwrap_or_default();
        assert_eq!(
            refusal("1.30"),
            "client version 1.30 is too old. Minimum supported API version is 1.40, please upgrade your client to a newer version"
        );
        let newest = "Maximum supported API version is 1.55";
        assert_eq!(refusal("1.99"), format!("client version 1.99 is too new. {newest}"));
        assert_eq!(refusal("2"), format!("client version 2 is too new. {newest}"));
        assert_eq!(refusal("1.40") + &refusal("1.55"), "");
        for text in ["", "1.", ".4", "1.x", "+1.4", "1.4.5", "99999999999.1"] {
            assert_eq!(ApiVersion::parse(text), None, "{text}");
        }
    }
}
