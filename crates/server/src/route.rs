//! Which request is meant. Names of images have slashes in them, so the verb behind them is looked for from the end.

use hyper::Method;
use percent_encoding::percent_decode_str;

use crate::version::ApiVersion;

/// What is asked for; names are as they were typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    Ping,
    Version,
    Info,
    Events,
    Usage,
    Auth,
    Distribution(String),
    List,
    Inspect(String),
    History(String),
    /// One image, or those that the query names.
    Save(Option<String>),
    Load,
    Create,
    Push(String),
    Tag(String),
    Remove(String),
    Prune,
}

impl Route {
    /// The route of a path, and the version before it; `None` if there is no such route.
    pub(crate) fn find(method: &Method, path: &str) -> Option<(Option<ApiVersion>, Self)> {
        let (version, path) =
            match path.strip_prefix("/v").map(|rest| rest.split_once('/').unwrap_or((rest, ""))) {
                Some((version, rest)) if version.starts_with(|c: char| c.is_ascii_digit()) => {
                    (Some(ApiVersion::parse(version)?), rest)
                }
                _ => (None, path.strip_prefix('/')?),
            };
        let path = percent_decode_str(path).decode_utf8().ok()?;
        Self::of(method, &path).map(|route| (version, route))
    }

    fn of(method: &Method, path: &str) -> Option<Self> {
        let (get, post) = (method == Method::GET, method == Method::POST);
        Some(match path {
            "_ping" if get || method == Method::HEAD => Self::Ping,
            "version" if get => Self::Version,
            "info" if get => Self::Info,
            "events" if get => Self::Events,
            "system/df" if get => Self::Usage,
            "auth" if post => Self::Auth,
            "images/json" if get => Self::List,
            "images/get" if get => Self::Save(None),
            "images/load" if post => Self::Load,
            "images/create" if post => Self::Create,
            "images/prune" if post => Self::Prune,
            _ => {
                if let Some(rest) = path.strip_prefix("distribution/") {
                    return get.then(|| {
                        rest.strip_suffix("/json").map(|name| Self::Distribution(name.to_owned()))
                    })?;
                }
                let rest = path.strip_prefix("images/")?;
                if method == Method::DELETE {
                    return Some(Self::Remove(rest.to_owned()));
                }
                let (name, verb) = rest.rsplit_once('/')?;
                let name = name.to_owned();
                match verb {
                    "json" if get => Self::Inspect(name),
                    "history" if get => Self::History(name),
                    "get" if get => Self::Save(Some(name)),
                    "push" if post => Self::Push(name),
                    "tag" if post => Self::Tag(name),
                    _ => return None,
                }
            }
        })
    }

    /// What metrics call it.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Version => "version",
            Self::Info => "info",
            Self::Events => "events",
            Self::Usage => "df",
            Self::Auth => "auth",
            Self::Distribution(_) => "distribution",
            Self::List => "list",
            Self::Inspect(_) => "inspect",
            Self::History(_) => "history",
            Self::Save(_) => "save",
            Self::Load => "load",
            Self::Create => "create",
            Self::Push(_) => "push",
            Self::Tag(_) => "tag",
            Self::Remove(_) => "remove",
            Self::Prune => "prune",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(method: &str, path: &str) -> Option<(Option<ApiVersion>, Route)> {
        Route::find(&method.parse().unwrap(), path)
    }

    #[test]
    fn names_are_greedy() {
        let name = "example.org:5000/a/b:c@sha256:d";
        let v = Some(ApiVersion(1, 47));
        assert_eq!(
            find("GET", &format!("/v1.47/images/{name}/json")),
            Some((v, Route::Inspect(name.into())))
        );
        assert_eq!(find("GET", "/images/a%2Fb%40c/get"), Some((None, Route::Save(Some("a/b@c".into())))));
        assert_eq!(find("GET", "/images/json/json"), Some((None, Route::Inspect("json".into()))));
        assert_eq!(find("DELETE", "/images/json"), Some((None, Route::Remove("json".into()))));
        assert_eq!(find("DELETE", "/images/"), Some((None, Route::Remove(String::new()))));
        assert_eq!(find("GET", "/distribution/a/b/json"), Some((None, Route::Distribution("a/b".into()))));
        assert_eq!(find("HEAD", "/v1.40/_ping"), Some((Some(ApiVersion(1, 40)), Route::Ping)));
    }

    #[test]
    fn anything_else_is_none() {
        for (method, path) in [
            ("GET", "/"),
            ("GET", ""),
            ("POST", "/images/json"),
            ("GET", "/containers/json"),
            ("GET", "/images/search"),
            ("GET", "/v1.x/images/json"),
            ("PUT", "/images/a/tag"),
            ("GET", "/v1.47"),
            ("POST", "/build"),
            ("GET", "/images/%ff/json"),
        ] {
            assert_eq!(find(method, path), None, "{method} {path}");
        }
    }
}
