//! Credential helpers: programs called `docker-credential-NAME` that are asked on standard input and answer on
//! standard output, in docker's protocol. One that hangs is given up.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use barge_core::error::{Error, ErrorKind, Result, printable};
use serde::{Deserialize, Serialize};

use super::Credential;

/// The most a helper may answer.
const MAX_ANSWER_BYTES: u64 = 1 << 20;
/// How long a helper may take: it may ask its owner to touch something.
const PATIENCE: Duration = Duration::from_secs(30);
/// Stands for a name where the secret is an identity token.
const TOKEN: &str = "<token>";

/// One helper.
pub(super) struct Helper {
    program: String,
    patience: Duration,
}

/// What a helper answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// What a helper is to keep.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Kept<'a> {
    #[serde(rename = "ServerURL")]
    server: &'a str,
    username: &'a str,
    secret: &'a str,
}

impl Helper {
    pub(super) fn new(name: &str) -> Result<Self> {
        let helper = Self { program: format!("docker-credential-{name}"), patience: PATIENCE };
        if name.contains('/') { Err(helper.failed("its name has a slash")) } else { Ok(helper) }
    }

    /// What it knows of a registry.
    pub(super) fn get(&self, server: &str) -> Result<Option<Credential>> {
        let (answer, success) = self.ask("get", server)?;
        if !success {
            // Helpers say so on standard output and fail.
            let text = String::from_utf8_lossy(&answer);
            return if text.contains("credentials not found") {
                Ok(None)
            } else {
                Err(self.failed("it failed"))
            };
        }
        let answer: Answer =
            serde_json::from_slice(&answer).map_err(|_| self.failed("its answer makes no sense"))?;
        Ok(match answer {
            Answer { username, secret } if username == TOKEN => Some(Credential::IdentityToken(secret)),
            Answer { username, .. } if username.is_empty() => None,
            Answer { username, secret } => Some(Credential::Password { username, password: secret }),
        })
    }

    /// Has it keep this.
    pub(super) fn store(&self, server: &str, credential: &Credential) -> Result<()> {
        let (username, secret) = match credential {
            Credential::Password { username, password } => (username.as_str(), password.as_str()),
            Credential::IdentityToken(token) => (TOKEN, token.as_str()),
        };
        let kept = serde_json::to_string(&Kept { server, username, secret });
        let kept = kept.map_err(|_| self.failed("this cannot be said to it"))?;
        self.must("store", &kept)
    }

    /// Has it forget a registry.
    pub(super) fn erase(&self, server: &str) -> Result<()> {
        self.must("erase", server)
    }

    fn must(&self, action: &str, input: &str) -> Result<()> {
        if self.ask(action, input)?.1 { Ok(()) } else { Err(self.failed("it failed")) }
    }

    fn failed(&self, why: &str) -> Error {
        let message = format!("credential helper {}: {why}", printable(&self.program));
        Error::new(ErrorKind::Unavailable, message)
            .hint("take it out of `credsStore` or `credHelpers`, or give `--creds USER[:PASSWORD]`")
    }

    /// Its answer and whether it succeeded.
    fn ask(&self, action: &str, input: &str) -> Result<(Vec<u8>, bool)> {
        let (stdin, stdout, stderr) = (Stdio::piped(), Stdio::piped(), Stdio::null());
        let child =
            Command::new(&self.program).arg(action).stdin(stdin).stdout(stdout).stderr(stderr).spawn();
        let mut child = child.map_err(|e| self.failed(&e.to_string()))?;
        match self.converse(&mut child, input).map_err(|e| self.failed(&e.to_string()))? {
            Some(answer) => Ok(answer),
            None => {
                // It may have ended by itself just now.
                let _ = child.kill().and_then(|()| child.wait());
                Err(self.failed(&format!("no answer within {} seconds", self.patience.as_secs())))
            }
        }
    }

    /// `None` if it takes too long.
    fn converse(&self, child: &mut Child, input: &str) -> std::io::Result<Option<(Vec<u8>, bool)>> {
        let deadline = Instant::now() + self.patience;
        if let Some(mut stdin) = child.stdin.take() {
            // One that does not listen may answer all the same.
            let _ = stdin.write_all(input.as_bytes());
        }
        let Some(output) = child.stdout.take() else { return Ok(None) };
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut answer = Vec::new();
            let read = output.take(MAX_ANSWER_BYTES).read_to_end(&mut answer);
            let _ = sender.send(read.map(|_| answer));
        });
        let Ok(answer) = receiver.recv_timeout(self.patience) else { return Ok(None) };
        let answer = answer?;
        while Instant::now() < deadline {
            if let Some(status) = child.try_wait()? {
                return Ok(Some((answer, status.success())));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(None)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn one_that_hangs_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("hangs");
        for script in ["#!/bin/sh\nexec sleep 60\n", "#!/bin/sh\nexec >&-\nexec sleep 60\n"] {
            std::fs::write(&program, script).unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
            let program = program.to_str().unwrap().to_owned();
            let helper = Helper { program, patience: Duration::from_secs(1) };
            let began = Instant::now();
            let said = helper.get("example.org").unwrap_err();
            assert!(said.to_string().ends_with("no answer within 1 seconds"), "{said}");
            assert!(began.elapsed() < Duration::from_secs(20));
        }
    }
}
