//! Who we are at a registry: challenges are answered with a password or with a token that was fetched for one.
//!
//! A password goes to the registry itself, or to the token server it names, and to that only under TLS unless
//! the registry itself is spoken to without; a registry of this machine may name one of this machine then.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use barge_core::error::{Error, ErrorKind, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::Credential;
use super::endpoint::is_loopback;

/// The most a token server may answer.
const MAX_TOKEN_BYTES: u64 = 1 << 20;

/// What a registry wants to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    Basic,
    Bearer { realm: String, service: String, scope: String },
}

impl Challenge {
    /// The challenge of a `WWW-Authenticate` header that we can answer (RFC 9110, 11.6.1).
    pub(super) fn parse(header: &str) -> Option<Self> {
        let (scheme, parameters) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let mut found = parameters_of(parameters);
        let mut take = |name: &str| found.remove(name).unwrap_or_default();
        let (realm, service, scope) = (take("realm"), take("service"), take("scope"));
        (!realm.is_empty()).then_some(Self::Bearer { realm, service, scope })
    }
}

/// `name=value` and `name="value"`, with commas between them.
fn parameters_of(text: &str) -> HashMap<String, String> {
    let mut found = HashMap::new();
    let mut rest = text;
    while let Some((name, value)) = rest.split_once('=') {
        let name = name.trim_matches([' ', ',', '\t']).to_ascii_lowercase();
        let value = value.trim_start();
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => unquoted(quoted),
            None => {
                let (value, after) = value.split_once(',').unwrap_or((value, ""));
                (value.trim().to_owned(), after)
            }
        };
        found.entry(name).or_insert(value);
        rest = after;
    }
    found
}

/// What stands up to the closing quote, and what comes behind it.
fn unquoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, text.get(at + 1..).unwrap_or_default()),
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    (value, "")
}

/// `Authorization` headers by scope, for as long as they are accepted.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    known: Mutex<HashMap<String, Authorization>>,
    /// Held while one is fetched: several threads that are challenged at once need one only.
    fetching: Mutex<()>,
}

/// The value of an `Authorization` header. Not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Authorization(pub(super) String);

impl std::fmt::Debug for Authorization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authorization(..)")
    }
}

impl Tokens {
    pub(super) fn get(&self, scope: &str) -> Option<Authorization> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(scope).cloned()
    }

    /// Sees to it that there is another one than `refused`; whether there is.
    pub(super) fn replace(
        &self,
        scope: &str,
        refused: Option<&Authorization>,
        fresh: impl FnOnce() -> Result<Option<Authorization>>,
    ) -> Result<bool> {
        let _one_at_a_time = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        if self.get(scope).as_ref() != refused {
            return Ok(true);
        }
        let Some(authorization) = fresh()? else { return Ok(false) };
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(scope.to_owned(), authorization);
        Ok(true)
    }
}

/// What is sent to a token server.
pub(super) struct TokenRequest {
    pub(super) url: String,
    pub(super) authorization: Option<Authorization>,
    /// The form of OAuth 2, where a refresh token is exchanged; otherwise this is a GET.
    pub(super) form: Option<String>,
}

impl TokenRequest {
    /// For a challenge of `host`, which is spoken to under TLS or not.
    pub(super) fn new(
        (realm, service): (&str, &str),
        scopes: &[&str],
        credential: Option<&Credential>,
        host: &str,
        encrypted: bool,
    ) -> Result<Self> {
        let plain = realm.strip_prefix("http://").map(|rest| rest.split('/').next().unwrap_or_default());
        let reachable = realm.starts_with("https://") || plain.is_some();
        // A registry of this machine may send us to this machine; one that is spoken to in the clear, anywhere.
        let exposed = plain.is_some_and(|to| encrypted || (is_loopback(host) && !is_loopback(to)));
        if !reachable || (exposed && credential.is_some()) {
            let message = format!("{host} wants a token from `{}`", barge_core::error::printable(realm));
            return Err(Error::new(ErrorKind::Unauthorized, message)
                .hint("credentials are sent to a token server under TLS only"));
        }
        if let Some(Credential::IdentityToken(token)) = credential {
            let mut form =
                format!("grant_type=refresh_token&client_id=barge&refresh_token={}", encoded(token));
            form += &format!("&service={}&scope={}", encoded(service), encoded(&scopes.join(" ")));
            return Ok(Self { url: realm.to_owned(), authorization: None, form: Some(form) });
        }
        let mut query: Vec<String> = scopes.iter().map(|scope| format!("scope={}", encoded(scope))).collect();
        if !service.is_empty() {
            query.push(format!("service={}", encoded(service)));
        }
        let mut authorization = None;
        if let Some(Credential::Password { username, password }) = credential {
            query.push(format!("account={}", encoded(username)));
            authorization = Some(Authorization::basic(username, password));
        }
        let separator = if realm.contains('?') { '&' } else { '?' };
        Ok(Self { url: format!("{realm}{separator}{}", query.join("&")), authorization, form: None })
    }

    /// Reads the answer.
    pub(super) fn token(body: ureq::Body) -> Option<Authorization> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            token: String,
            #[serde(default)]
            access_token: String,
        }
        let bytes = body.into_with_config().limit(MAX_TOKEN_BYTES).read_to_vec().ok()?;
        let answer: Answer = serde_json::from_slice(&bytes).ok()?;
        let token = if answer.token.is_empty() { answer.access_token } else { answer.token };
        let sound = !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
        sound.then(|| Authorization(format!("Bearer {token}")))
    }
}

impl Authorization {
    pub(super) fn basic(username: &str, password: &str) -> Self {
        Self(format!("Basic {}", STANDARD.encode(format!("{username}:{password}"))))
    }
}

/// As a part of a query or a form (RFC 3986, 2.3).
fn encoded(text: &str) -> String {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-._~".contains(b);
    text.bytes().map(|b| if plain(&b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn challenges() {
        let bearer = |realm: &str, service: &str, scope: &str| {
            let [realm, service, scope] = [realm, service, scope].map(str::to_owned);
            Some(Challenge::Bearer { realm, service, scope })
        };
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/a:pull,push""#;
        let scope = "repository:library/a:pull,push";
        assert_eq!(
            Challenge::parse(hub),
            bearer("https://auth.docker.io/token", "registry.docker.io", scope)
        );
        let odd = r#"bearer  Realm = "https://a/\"b" , error="x,y=z", service=s"#;
        assert_eq!(Challenge::parse(odd), bearer("https://a/\"b", "s", ""));
        assert_eq!(Challenge::parse(r#"Basic realm="x""#), Some(Challenge::Basic));
        assert_eq!(Challenge::parse("basic"), Some(Challenge::Basic));
        for none in
            ["", "Negotiate", "Bearer", "Bearer realm=", "Bearer =", "Bearer \"", "Bearer service=\"s\""]
        {
            assert_eq!(Challenge::parse(none), None, "{none}");
        }
    }

    fn request(realm: &str, credential: Option<&Credential>, encrypted: bool) -> Result<TokenRequest> {
        let scopes = ["repository:a/b:pull", "repository:c:pull"];
        TokenRequest::new((realm, "s v"), &scopes, credential, "127.0.0.1:5000", encrypted)
    }

    #[test]
    fn what_a_token_server_is_asked() {
        let me = Credential::Password { username: "m&e".to_owned(), password: "p".to_owned() };
        let asked = request("https://auth/token", Some(&me), true).unwrap();
        let url = "https://auth/token?scope=repository%3Aa%2Fb%3Apull&scope=repository%3Ac%3Apull&service=s%20v&account=m%26e";
        assert_eq!((asked.url.as_str(), asked.form), (url, None));
        assert_eq!(asked.authorization, Some(Authorization("Basic bSZlOnA=".to_owned())));
        let token = Credential::IdentityToken("t/1".to_owned());
        let asked = request("https://auth/token", Some(&token), true).unwrap();
        let form = "grant_type=refresh_token&client_id=barge&refresh_token=t%2F1&service=s%20v&scope=repository%3Aa%2Fb%3Apull%20repository%3Ac%3Apull";
        assert_eq!((asked.url.as_str(), asked.form.as_deref()), ("https://auth/token", Some(form)));
    }

    #[test]
    fn credentials_stay_under_tls() {
        let me = Credential::Password { username: "me".to_owned(), password: "p".to_owned() };
        for (realm, encrypted) in [
            ("http://auth/token", true),
            ("http://auth/token", false),
            ("http://127.0.0.1/t", true),
            ("http://127.0.0.1@auth/t", false),
            ("ftp://x", true),
            ("/token", true),
        ] {
            assert!(request(realm, Some(&me), encrypted).is_err(), "{realm}");
        }
        assert!(request("http://127.0.0.1:5001/token", Some(&me), false).is_ok());
        assert!(request("http://auth/token", None, true).is_ok());
        let insecure = TokenRequest::new(("http://auth/token", ""), &[], Some(&me), "registry.lan", false);
        assert!(insecure.is_ok());
    }
}
