//! `docker barge`: this program as a plugin of docker's command line, under the name `docker-barge`.
//!
//! Docker asks a plugin who it is, and then starts it with all that was typed behind `docker`:
//! `--context other barge save ...`. What stands before `barge` is for docker; it becomes what docker's variables say,
//! and the program starts again as `docker barge`. Images come from docker and go to docker, unless something else is said.
//!
//! Docker's side: `cli-plugins/metadata` and `cli-plugins/socket` of docker/cli 28.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use rustix::process::{Signal, getpid, kill_process};

use crate::cmd::say;

/// What docker's plugins are called: `docker-` and the command.
const FILE: &str = "docker-barge";
/// What a plugin calls itself in its texts.
pub(crate) const NAME: &str = "docker barge";
/// The argument that asks who the plugin is.
const WHO: &str = "docker-cli-plugin-metadata";
/// The variable with the socket that docker's command line closes when it is told to end.
const SOCKET: &str = "DOCKER_CLI_PLUGIN_SOCKET";

/// Whether docker's command line started this program.
pub(crate) fn is_meant(arguments: &[OsString]) -> bool {
    arguments.first().and_then(|name| Path::new(name).file_name()) == Some(OsStr::new(FILE))
}

/// Says who this is, or starts as `docker barge`; comes back with an exit code when there is no more to do.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    let words = arguments.get(1..).unwrap_or_default();
    if words.first().is_some_and(|word| word == WHO) {
        let metadata = serde_json::json!({
            "SchemaVersion": "0.1.0",
            "Vendor": "barge",
            "Version": env!("CARGO_PKG_VERSION"),
            "ShortDescription": env!("CARGO_PKG_DESCRIPTION"),
        });
        println!("{metadata}");
        return ExitCode::SUCCESS;
    }
    let why = match (translate(words), std::env::current_exe()) {
        (Ok(typed), Ok(program)) => {
            let mut command = Command::new(program);
            for (variable, value) in typed.variables {
                match value {
                    Some(value) => command.env(variable, value),
                    None => command.env_remove(variable),
                };
            }
            for variable in ["BARGE_FROM", "BARGE_TO"] {
                if std::env::var_os(variable).is_none_or(|value| value.is_empty()) {
                    command.env(variable, "docker");
                }
            }
            command.arg0(NAME).args(typed.rest).exec().to_string()
        }
        (Err(why), _) => why,
        (_, Err(why)) => why.to_string(),
    };
    say(&format!("{NAME}: {why}"));
    ExitCode::FAILURE
}

/// What was typed behind `docker`.
#[derive(Debug, Default, PartialEq)]
struct Typed {
    /// What docker's own flags are as variables of the environment; without a value one that counts no more.
    variables: Vec<(&'static str, Option<OsString>)>,
    /// What is for barge.
    rest: Vec<OsString>,
}

/// Takes docker's own flags from what was typed.
///
/// # Errors
/// A flag that no variable stands for, in words.
fn translate(words: &[OsString]) -> Result<Typed, String> {
    let mut typed = Typed::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let text = word.to_string_lossy();
        if text == "barge" {
            break;
        }
        if text == "help" {
            typed.rest.push(word.clone());
            continue;
        }
        let (flag, attached) = match text.split_once('=') {
            Some((flag, value)) => (flag, Some(OsString::from(value))),
            None => (text.as_ref(), None),
        };
        let mut value = || attached.clone().or_else(|| words.next().cloned());
        match flag {
            "--context" | "-c" => {
                // It counts before the variable, which docker's library asks first.
                typed.variables.extend([("DOCKER_CONTEXT", value()), ("DOCKER_HOST", None)]);
            }
            "--host" | "-H" => typed.variables.push(("DOCKER_HOST", value())),
            "--config" => typed.variables.push(("DOCKER_CONFIG", value())),
            "--tls" | "--tlsverify" => typed.variables.push(("DOCKER_TLS_VERIFY", Some("1".into()))),
            "--log-level" | "-l" => drop(value()),
            "--debug" | "-D" => {}
            _ => return Err(format!("{flag}: give it to the command, `{NAME} save {flag} ...`")),
        }
    }
    typed.rest.extend(words.cloned());
    Ok(typed)
}

/// Ends this program, as a signal does, when docker's command line ends: it is that which a script kills.
pub(crate) fn end_with_docker() {
    let Some(mut socket) = std::env::var_os(SOCKET).and_then(|address| connect(&address)) else { return };
    let wait = move || {
        // Nothing ever comes; what counts is the end.
        let _ = socket.read(&mut [0]);
        let _ = kill_process(getpid(), Signal::TERM);
    };
    // Without a thread it ends when its work does.
    let _ = std::thread::Builder::new().name("docker".to_owned()).stack_size(64 << 10).spawn(wait);
}

/// A name that begins with `@` is Linux's alone, and in no folder.
#[cfg(target_os = "linux")]
fn connect(address: &OsStr) -> Option<UnixStream> {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::SocketAddr;
    match address.as_bytes().strip_prefix(b"@") {
        Some(name) => UnixStream::connect_addr(&SocketAddr::from_abstract_name(name).ok()?).ok(),
        None => UnixStream::connect(address).ok(),
    }
}

#[cfg(not(target_os = "linux"))]
fn connect(address: &OsStr) -> Option<UnixStream> {
    UnixStream::connect(address).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &str) -> Result<Typed, String> {
        translate(&line.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_dockers_becomes_variables() -> Result<(), String> {
        let typed = typed("--context=far --config /c -D -l debug barge save -o x.tar --context near a")?;
        let expected = [
            ("DOCKER_CONTEXT", Some("far".into())),
            ("DOCKER_HOST", None),
            ("DOCKER_CONFIG", Some("/c".into())),
        ];
        assert_eq!(typed.variables, expected);
        assert_eq!(typed.rest, ["save", "-o", "x.tar", "--context", "near", "a"]);
        Ok(())
    }

    #[test]
    fn help_may_come_first() -> Result<(), String> {
        assert_eq!(typed("help barge save")?.rest, ["help", "save"]);
        assert_eq!(typed("-H unix:///s barge")?.variables, [("DOCKER_HOST", Some("unix:///s".into()))]);
        Ok(())
    }

    #[test]
    fn a_flag_without_a_variable_is_refused() {
        assert!(typed("--tlscert c.pem barge save a").is_err_and(|why| why.contains("--tlscert")));
    }
}
