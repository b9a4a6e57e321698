//! Go's JSON decoder takes `Layers` for `layers`, and no list for an object; ours is the other way round. A document that
//! has such a thing means one thing to docker and another to us, so it is refused.

use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What may stand at a place of a document.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// A manifest or an index.
    Document,
    /// An image config.
    Config,
    /// A descriptor.
    Descriptor,
    /// A list of descriptors.
    Descriptors,
    /// A platform.
    Platform,
    /// The `rootfs` of a config.
    RootFs,
    /// A list of objects.
    Objects,
    /// An object whose keys are the user's, or nobody's business.
    Object,
    /// Anything: its keys are the user's.
    Free,
}

impl Shape {
    /// The keys that mean something here.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Document => &[
                "schemaVersion",
                "mediaType",
                "artifactType",
                "config",
                "layers",
                "manifests",
                "fsLayers",
                "subject",
                "annotations",
            ],
            Self::Config => &[
                "created",
                "author",
                "architecture",
                "variant",
                "os",
                "os.version",
                "os.features",
                "config",
                "rootfs",
                "history",
            ],
            Self::Descriptor => {
                &["mediaType", "digest", "size", "urls", "annotations", "data", "platform", "artifactType"]
            }
            Self::Platform => &["architecture", "os", "os.version", "os.features", "variant"],
            Self::RootFs => &["type", "diff_ids"],
            Self::Descriptors | Self::Objects | Self::Object | Self::Free => &[],
        }
    }

    /// What stands below `key`.
    fn below(self, key: &str) -> Self {
        match (self, key) {
            (Self::Document, "config" | "subject") => Self::Descriptor,
            (Self::Document, "layers" | "manifests") => Self::Descriptors,
            (Self::Descriptor, "platform") => Self::Platform,
            (Self::Config, "rootfs") => Self::RootFs,
            (Self::Config, "config") => Self::Object,
            (Self::Config, "history") => Self::Objects,
            _ => Self::Free,
        }
    }

    /// Whether every key of `bytes` that Go would understand is spelled as it should be.
    ///
    /// # Errors
    /// serde's, with the key, or for what is no JSON.
    pub(crate) fn check(self, bytes: &[u8]) -> serde_json::Result<()> {
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        self.deserialize(&mut deserializer)?;
        deserializer.end()
    }
}

/// Whether Go takes one key for the other: letters that differ in case only are the same to it, and so are two that are
/// not ASCII.
fn is_same_key(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b) || (!(a.is_ascii() && b.is_ascii()) && folded_key(a) == folded_key(b))
}

/// A key as Go compares it: a long s is an s, and the sign for Kelvin a k.
#[must_use]
pub fn folded_key(key: &str) -> String {
    let fold = |c| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    key.chars().map(fold).collect()
}

impl<'de> DeserializeSeed<'de> for Shape {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self {
            Self::Free => deserializer.deserialize_ignored_any(IgnoredAny).map(drop),
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Shape {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        use serde::de::Error as _;
        while let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? {
            let meant = self.keys().iter().find(|k| **k != key && is_same_key(k, &key));
            if let Some(meant) = meant {
                return Err(A::Error::custom(format!("the key `{key}` where `{meant}` is meant")));
            }
            map.next_value_seed(self.below(&key))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        use serde::de::Error as _;
        let item = match self {
            Self::Descriptors => Self::Descriptor,
            Self::Objects => Self::Object,
            _ => return Err(A::Error::custom("a list where an object is meant")),
        };
        while list.next_element_seed(item)?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_spelled_as_they_should_be() {
        assert!(
            Shape::Document
                .check(br#"{"layers":[{"mediaType":"x"}],"annotations":{"Layers":"mine"}}"#)
                .is_ok()
        );
        assert!(Shape::Document.check(br#"{"layers":[],"Layers":[]}"#).is_err());
        assert!(Shape::Document.check(br#"{"manifests":[{"Digest":"x"}]}"#).is_err());
        assert!(Shape::Document.check(br#"{"manifests":[{"platform":{"OS":"x"}}]}"#).is_err());
        assert!(
            Shape::Config
                .check(br#"{"config":{"Labels":{"OS":"x"}},"container_config":{},"Size":1}"#)
                .is_ok()
        );
        assert!(Shape::Config.check(br#"{"rootfs":{"Diff_IDs":[]}}"#).is_err());
    }
}
