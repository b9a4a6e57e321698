//! What stands behind the `?`, in the notations of docker's clients.

use std::collections::BTreeMap;

use barge_core::ops::Filters;
use barge_oci::Platform;
use jiff::Zoned;
use serde_json::Value;

use crate::fault::{Fault, Result};
use crate::version::ApiVersion;

/// The most parameters that are read.
const MAX_PARAMETERS: usize = 10_000;

/// The parameters of one request.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let pairs: Vec<_> =
            form_urlencoded::parse(text.as_bytes()).into_owned().take(MAX_PARAMETERS + 1).collect();
        if pairs.len() > MAX_PARAMETERS {
            return Err(Fault::bad(format!("more than {MAX_PARAMETERS} parameters")));
        }
        Ok(Self(pairs))
    }

    /// The first of that name; empty if there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// As docker reads booleans: everything is true that does not say no.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        !matches!(self.get(name).trim().to_ascii_lowercase().as_str(), "" | "0" | "no" | "false" | "none")
    }

    /// One platform as JSON, from `since` on; before that the parameter is not known.
    pub(crate) fn platform(&self, version: ApiVersion, since: ApiVersion) -> Result<Option<Platform>> {
        if version < since {
            return Ok(None);
        }
        Some(self.get("platform")).filter(|text| !text.is_empty()).map(platform).transpose()
    }

    /// Platforms to save or load: one from 1.48 on, several from 1.52 on.
    pub(crate) fn platforms(&self, version: ApiVersion) -> Result<Vec<Platform>> {
        if version < ApiVersion(1, 48) {
            return Ok(Vec::new());
        }
        let given: Vec<&str> = self.all("platform").filter(|text| !text.is_empty()).collect();
        if given.len() > 1 && version < ApiVersion(1, 52) {
            let text = "multiple platform parameters are not supported in this API version; use API version 1.52 or later";
            return Err(Fault::bad(text));
        }
        given.into_iter().map(platform).collect()
    }

    /// Platforms to remove, which go by another name.
    pub(crate) fn removed_platforms(&self, version: ApiVersion) -> Result<Vec<Platform>> {
        if version < ApiVersion(1, 50) {
            return Ok(Vec::new());
        }
        self.all("platforms").filter(|text| !text.is_empty()).map(platform).collect()
    }

    /// `filters`, by key: `{"key":["value"]}`, or `{"key":{"value":true}}` of older clients.
    pub(crate) fn filters(&self) -> Result<BTreeMap<String, Vec<String>>> {
        let invalid = || Fault::bad("invalid filter");
        let text = self.get("filters");
        if text.is_empty() {
            return Ok(BTreeMap::new());
        }
        let Ok(Value::Object(filters)) = serde_json::from_str(text) else { return Err(invalid()) };
        let mut read = BTreeMap::new();
        for (key, values) in filters {
            let values: Option<Vec<String>> = match values {
                Value::Array(values) => values.into_iter().map(|v| v.as_str().map(str::to_owned)).collect(),
                Value::Object(values) => {
                    values.into_iter().map(|(value, on)| on.as_bool().map(|_| value)).collect()
                }
                _ => None,
            };
            read.insert(key, values.ok_or_else(invalid)?);
        }
        Ok(read)
    }

    /// The filters of images, of which only `known` may be used.
    pub(crate) fn image_filters(&self, known: &[&str]) -> Result<Filters> {
        let (mut filters, now) = (Filters::default(), Zoned::now());
        for (key, values) in self.filters()? {
            if !known.contains(&key.as_str()) {
                let key = barge_core::error::printable(&key);
                return Err(Fault::bad(format!("invalid filter '{key}'")));
            }
            for value in values {
                filters.add(&key, &value, &now)?;
            }
        }
        Ok(filters)
    }
}

/// A platform as JSON.
fn platform(text: &str) -> Result<Platform> {
    let platform: Platform =
        serde_json::from_str(text).map_err(|e| Fault::bad(format!("failed to parse platform: {e}")))?;
    if platform.os.is_empty() || platform.architecture.is_empty() {
        let optional = [&platform.variant, &platform.os_version].iter().any(|field| !field.is_empty());
        let neither = platform.os.is_empty() && platform.architecture.is_empty();
        return Err(Fault::bad(if neither && (optional || !platform.os_features.is_empty()) {
            "optional platform fields provided, but OS and Architecture are missing"
        } else {
            "both OS and Architecture must be provided"
        }));
    }
    Ok(platform.normalized())
}

#[cfg(test)]
mod tests {
    use super::*;

    const S390X: &str = "platform=%7B%22os%22%3A%22linux%22%2C%22architecture%22%3A%22s390x%22%7D";
    const ARM64: &str = "platform={\"architecture\":\"arm64\",\"os\":\"linux\",\"variant\":\"v8\"}";

    fn query(text: &str) -> Query {
        Query::parse(text).unwrap()
    }

    #[test]
    fn booleans() {
        for (value, set) in [
            ("1", true),
            ("true", true),
            ("x", true),
            ("", false),
            ("0", false),
            ("False", false),
            (" no ", false),
        ] {
            assert_eq!(query(&format!("a={value}")).is_set("a"), set, "{value:?}");
        }
        assert!(!query("b=1").is_set("a"));
    }

    #[test]
    fn platforms_by_version() {
        let both = query(&format!("{S390X}&{ARM64}"));
        assert_eq!(both.platforms(ApiVersion(1, 47)).unwrap(), []);
        let fault = both.platforms(ApiVersion(1, 51)).unwrap_err();
        assert!(fault.message.ends_with("use API version 1.52 or later"), "{}", fault.message);
        let shown: Vec<String> =
            both.platforms(ApiVersion(1, 52)).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["linux/s390x", "linux/arm64"]);
        assert_eq!(query(S390X).platform(ApiVersion(1, 48), ApiVersion(1, 49)).unwrap(), None);
    }

    #[test]
    fn faults_of_platforms_are_dockers() {
        let fault = |text: &str| platform(text).unwrap_err().message;
        assert!(fault("zz").starts_with("failed to parse platform: "));
        assert_eq!(fault("{}"), "both OS and Architecture must be provided");
        assert_eq!(fault("{\"os\":\"linux\"}"), "both OS and Architecture must be provided");
        assert_eq!(
            fault("{\"variant\":\"v8\"}"),
            "optional platform fields provided, but OS and Architecture are missing"
        );
    }

    #[test]
    fn filters_in_both_notations() {
        let expected = BTreeMap::from([("reference".to_owned(), vec!["a*".to_owned()])]);
        assert_eq!(query("filters={\"reference\":[\"a*\"]}").filters().unwrap(), expected);
        assert_eq!(query("filters={\"reference\":{\"a*\":true}}").filters().unwrap(), expected);
        for text in ["filters=zz", "filters=[]", "filters={\"a\":1}", "filters={\"a\":[1]}"] {
            assert_eq!(query(text).filters().unwrap_err().message, "invalid filter", "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(text in ".{0,300}") {
            if let Ok(query) = Query::parse(&text) {
                let _ = (query.filters(), query.platforms(ApiVersion(1, 52)), query.is_set("a"));
            }
            let _ = platform(&text);
        }
    }
}
