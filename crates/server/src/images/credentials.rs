//! Who a client is at registries: `X-Registry-Auth`.

use barge_sources::registry::{Credential, Settings, host_of};
use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hyper::HeaderMap;
use serde::Deserialize;

const HEADER: &str = "x-registry-auth";
/// Clients differ about padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What `X-Registry-Auth` says, as far as it is used.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Auth {
    username: String,
    password: String,
    identitytoken: String,
    serveraddress: String,
}

/// The settings to speak to `host` as the client says it is somebody there: credentials are shown to the host that
/// they name, and without a name to this one. A header that makes no sense is nobody, as docker has it.
pub(crate) fn credentials(settings: &Settings, headers: &HeaderMap, host: &str) -> Settings {
    let mut settings = settings.clone();
    let given = headers.get(HEADER).and_then(|value| BASE64.decode(value.as_bytes()).ok());
    let auth: Auth = given.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
    let Auth { username, password, identitytoken, serveraddress } = auth;
    let elsewhere = !serveraddress.is_empty() && host_of(&serveraddress) != host;
    let credential = match (identitytoken.is_empty(), username.is_empty()) {
        (false, _) => Some(Credential::IdentityToken(identitytoken)),
        (true, false) => Some(Credential::Password { username, password }),
        (true, true) => None,
    };
    let credential = credential.filter(|_| !elsewhere);
    settings.credentials.given = credential.map(|credential| (host.to_owned(), credential));
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(header: &str) -> Option<(String, Credential)> {
        let headers = HeaderMap::from_iter([(HEADER.parse().unwrap(), header.parse().unwrap())]);
        credentials(&Settings::default(), &headers, "example.org").credentials.given
    }

    #[test]
    fn credentials_are_for_the_host_that_is_meant() {
        let password = || Credential::Password { username: "u".to_owned(), password: "p?".to_owned() };
        // {"username":"u","password":"p?"}, with padding and without; {"identitytoken":"t"}.
        for header in
            ["eyJ1c2VybmFtZSI6InUiLCJwYXNzd29yZCI6InA_In0=", "eyJ1c2VybmFtZSI6InUiLCJwYXNzd29yZCI6InA_In0"]
        {
            assert!(given(header) == Some(("example.org".to_owned(), password())), "{header}");
        }
        let token = Credential::IdentityToken("t".to_owned());
        assert!(given("eyJpZGVudGl0eXRva2VuIjoidCJ9") == Some(("example.org".to_owned(), token)));
    }

    #[test]
    fn credentials_for_elsewhere_stay_here() {
        let header = |server: &str| {
            BASE64.encode(format!(r#"{{"username":"u","password":"p?","serveraddress":"{server}"}}"#))
        };
        for server in ["", "example.org", "https://example.org/v1/", "http://example.org"] {
            assert!(given(&header(server)).is_some(), "{server}");
        }
        for server in
            ["example.com", "https://index.docker.io/v1/", "example.org:5000", "example.org.evil.com"]
        {
            assert!(given(&header(server)).is_none(), "{server}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_nobody() {
        for header in ["", "e30=", "!!!", "bm90IGpzb24=", "W10="] {
            assert!(given(header).is_none(), "{header}");
        }
    }
}
