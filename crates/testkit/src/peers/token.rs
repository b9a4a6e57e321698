//! The token server of a registry, the one part of the protocol that no package has.

use std::{
    collections::HashMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, anyhow};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::{rand::SystemRandom, signature};
use serde_json::{Value, json};

use super::{jail::Jail, registry::USER};

const ISSUER: &str = "barge";
const SERVICE: &str = "registry";
const PATIENCE: Duration = Duration::from_secs(10);

/// A key, and a certificate that the registry trusts.
const MAKE_KEY: &str = r#"
cd /peer
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout token.key -out token.crt -days 30 -subj /CN=tokens
openssl pkcs8 -topk8 -nocrypt -outform DER -in token.key -out token.p8
openssl x509 -in token.crt -outform DER -out token.der
"#;

/// A thread that answers on loopback for as long as this lives.
#[derive(Debug)]
pub(super) struct TokenServer {
    address: SocketAddr,
    given: Arc<Mutex<Vec<String>>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

struct Signer {
    key: signature::EcdsaKeyPair,
    certificate: String,
    seconds: i64,
    given: Arc<Mutex<Vec<String>>>,
}

impl TokenServer {
    pub(super) fn start(jail: &Jail, seconds: i64) -> Result<Self> {
        jail.run(&["sh", "-ec", MAKE_KEY])?;
        let key = fs::read(jail.home().join("token.p8"))?;
        let algorithm = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        let key = signature::EcdsaKeyPair::from_pkcs8(algorithm, &key, &SystemRandom::new())
            .map_err(|e| anyhow!("the token server's key: {e}"))?;
        let certificate = STANDARD.encode(fs::read(jail.home().join("token.der"))?);
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (address, over, given) =
            (listener.local_addr()?, Arc::new(AtomicBool::new(false)), Arc::default());
        let signer = Signer { key, certificate, seconds, given: Arc::clone(&given) };
        let end = Arc::clone(&over);
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                // One that goes away gets no token.
                let _ = stream.map_err(anyhow::Error::from).and_then(|stream| signer.answer(&stream));
            }
        });
        Ok(Self { address, given, over, thread: Some(thread) })
    }

    /// The registry's `auth`.
    pub(super) fn config(&self) -> Value {
        let realm = format!("http://{}/token", self.address);
        json!({"token": {"realm": realm, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": "/peer/token.crt"}})
    }

    pub(super) fn given(&self) -> Vec<String> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for TokenServer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Its next connection tells it to look.
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Signer {
    fn answer(&self, stream: &TcpStream) -> Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let target = line.split(' ').nth(1).context("no target")?.to_owned();
        let mut headers = HashMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim().split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let length = headers.get("content-length").and_then(|l| l.parse().ok()).unwrap_or_default();
        let mut form = String::new();
        reader.take(length).read_to_string(&mut form)?;
        let query =
            if form.is_empty() { target.split_once('?').map_or("", |(_, query)| query) } else { &form };
        let fields: Vec<(String, String)> = query.split('&').filter_map(decoded).collect();
        let user = match headers.get("authorization") {
            None if fields.contains(&("refresh_token".to_owned(), format!("token of {}", USER.0))) => {
                Some(USER.0)
            }
            None if form.is_empty() => Some("nobody"),
            Some(basic)
                if *basic == format!("Basic {}", STANDARD.encode(format!("{}:{}", USER.0, USER.1))) =>
            {
                Some(USER.0)
            }
            _ => None,
        };
        let Some(user) = user else {
            let body = r#"{"errors":[{"code":"UNAUTHORIZED","message":"who are you?"}]}"#;
            return respond(stream, "401 Unauthorized", body);
        };
        let scopes: Vec<&str> = fields
            .iter()
            .filter(|(name, _)| name == "scope")
            .flat_map(|(_, scope)| scope.split(' '))
            .collect();
        self.given
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(format!("{user} {}", scopes.join(" ")));
        let access: Vec<Value> = scopes.iter().filter_map(|scope| granted(user, scope)).collect();
        respond(stream, "200 OK", &json!({"token": self.token(user, &access)?}).to_string())
    }

    fn token(&self, user: &str, access: &[Value]) -> Result<String> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs().cast_signed();
        let header = json!({"typ": "JWT", "alg": "ES256", "x5c": [self.certificate]});
        let (from, to) = (now - 600, now + self.seconds);
        let claims = json!({
            "iss": ISSUER, "sub": user, "aud": SERVICE, "exp": to, "nbf": from, "iat": from, "jti": "1", "access": access
        });
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let text = format!("{header}.{claims}");
        let signed =
            self.key.sign(&SystemRandom::new(), text.as_bytes()).map_err(|e| anyhow!("sign: {e}"))?;
        Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signed)))
    }
}

/// `repository:public/a:pull,push` as a registry wants it said, without what this user may not do.
fn granted(user: &str, scope: &str) -> Option<Value> {
    let [kind, name, actions] = <[&str; 3]>::try_from(scope.split(':').collect::<Vec<_>>()).ok()?;
    let allowed = |action: &&str| user != "nobody" || (*action == "pull" && name.starts_with("public/"));
    let actions: Vec<&str> = actions.split(',').filter(allowed).collect();
    Some(json!({"type": kind, "name": name, "actions": actions}))
}

/// `name=a%20b` as name and value.
fn decoded(field: &str) -> Option<(String, String)> {
    let (name, value) = field.split_once('=')?;
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = String::from_utf8(vec![rest.next()?, rest.next()?]).ok()?;
                u8::from_str_radix(&digits, 16).ok()?
            }
            b'+' => b' ',
            byte => byte,
        });
    }
    Some((name.to_owned(), String::from_utf8(bytes).ok()?))
}

fn respond(mut stream: &TcpStream, status: &str, body: &str) -> Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )?;
    Ok(())
}
