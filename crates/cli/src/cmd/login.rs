//! `barge login` and `barge logout`

use std::io::{BufRead, IsTerminal, Read, Write, stderr, stdin};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use barge_core::error::Error;
use barge_sources::registry::{Credential, Credentials, Kept, Registry, forget, host_of, remember};

use super::registry::{files, password, with};
use super::{Failure, Outcome, print, say};
use crate::args::{Login, Logout};
use crate::usage::{Arity, check};

/// Asks the registry whether it takes the credentials, and keeps them if it does.
pub(crate) fn login(args: &Login, typed: &str) -> Outcome {
    check(&Arity::AtMost(1), args.servers.len(), typed)?;
    let host = host_of(args.servers.first().map_or("", String::as_str));
    let credential = credential(args)?;
    let credentials = Credentials { given: Some((host.clone(), credential.clone())), files: Vec::new() };
    Registry::new(&host, Arc::new(with(credentials, args.tls_verify)))?.ping()?;
    match remember(&file(args.authfile.as_ref())?, &host, &credential)? {
        Kept::Helper => {}
        Kept::File(file) => say(&format!(
            "WARNING! Your credentials are stored unencrypted in '{}'.\n\
             Configure a credential helper to remove this warning: `credsStore` in that file.",
            file.display()
        )),
    }
    print("Login Succeeded\n")
}

/// Forgets the credentials.
pub(crate) fn logout(args: &Logout, typed: &str) -> Outcome {
    check(&Arity::AtMost(1), args.servers.len(), typed)?;
    let host = host_of(args.servers.first().map_or("", String::as_str));
    if forget(&file(args.authfile.as_ref())?, &host)? {
        return print(&format!("Removing login credentials for {host}\n"));
    }
    print(&format!("Not logged in to {host}\n"))
}

fn credential(args: &Login) -> Result<Credential, Failure> {
    let fail = |text: &str| Err(Failure::Text(text.to_owned(), 1));
    let doing = |e| Error::io("read", Path::new("standard input"), e);
    if args.password_stdin && args.password.is_some() {
        return fail("conflicting options: cannot specify both --password and --password-stdin");
    }
    if args.password_stdin && args.username.is_none() {
        return fail("the --password-stdin option requires --username to be set");
    }
    let username = match &args.username {
        Some(username) => username.clone(),
        None if !stdin().is_terminal() => {
            return fail("Error: Cannot perform an interactive login from a non TTY device");
        }
        None => {
            // A prompt that cannot be shown is not worth a word.
            let _ = write!(stderr(), "Username: ");
            let mut line = String::new();
            stdin().lock().read_line(&mut line).map_err(doing)?;
            line.trim().to_owned()
        }
    };
    let password = match &args.password {
        Some(password) => {
            say("WARNING! Using --password via the CLI is insecure. Use --password-stdin.");
            password.clone()
        }
        None if args.password_stdin => {
            let mut text = String::new();
            stdin().lock().read_to_string(&mut text).map_err(doing)?;
            text.trim_end_matches(['\r', '\n']).to_owned()
        }
        None if !stdin().is_terminal() => {
            return fail("Error: Cannot perform an interactive login from a non TTY device");
        }
        None => password("Password: ")?,
    };
    if username.is_empty() {
        return fail("username is empty");
    }
    if password.is_empty() {
        return fail("password is empty");
    }
    Ok(Credential::Password { username, password })
}

/// The file that credentials are kept in.
fn file(authfile: Option<&std::ffi::OsString>) -> Result<PathBuf, Failure> {
    let missing =
        || Failure::Text("no place for credentials: give `--authfile FILE` or set HOME".to_owned(), 1);
    files(authfile).into_iter().next().ok_or_else(missing)
}
