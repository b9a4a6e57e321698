//! Instructions of a Dockerfile that `import` applies to a config that is empty at first.
//!
//! Those that only set something: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER,
//! VOLUME, WORKDIR. Values may refer to earlier ENVs as `$NAME` and `${NAME}`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::healthcheck::Healthcheck;
use super::words::{MAX_BYTES, expand, json, split, unquoted};
use crate::error::{Error, Result, printable};

/// How many ports one EXPOSE may name.
const MAX_PORTS: usize = 65_536;

/// How a container is run, in the order of the OCI config's fields as docker writes them.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Changes {
    #[serde(skip_serializing_if = "String::is_empty")]
    user: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    exposed_ports: BTreeMap<String, Nothing>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    env: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entrypoint: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cmd: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    volumes: BTreeMap<String, Nothing>,
    #[serde(skip_serializing_if = "String::is_empty")]
    working_dir: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    stop_signal: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    healthcheck: Option<Healthcheck>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    on_build: Vec<String>,
}

/// The empty object that sets of ports and volumes have for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Nothing {}

impl Changes {
    /// Reads instructions, one or several lines each.
    ///
    /// # Errors
    /// `InvalidArgument` in docker's words for one that is unknown or makes no sense.
    pub(super) fn parse(changes: &[String]) -> Result<Self> {
        let text = changes.join("\n");
        if text.len() > MAX_BYTES {
            return Err(Error::invalid(format!("more than {MAX_BYTES} bytes of changes")));
        }
        let mut made = Self::default();
        let mut instruction = String::new();
        for line in text.lines() {
            if instruction.is_empty() && (line.trim().is_empty() || line.trim_start().starts_with('#')) {
                continue;
            }
            match line.trim_end().strip_suffix('\\') {
                Some(part) => instruction.push_str(part),
                None => {
                    instruction.push_str(line);
                    made.apply(instruction.trim())?;
                    instruction.clear();
                }
            }
        }
        if instruction.trim().is_empty() { Ok(made) } else { made.apply(instruction.trim()).map(|()| made) }
    }

    /// Takes one instruction.
    fn apply(&mut self, instruction: &str) -> Result<()> {
        let (word, rest) = instruction.split_once(char::is_whitespace).unwrap_or((instruction, ""));
        let (command, rest) = (word.to_ascii_uppercase(), rest.trim());
        match command.as_str() {
            "CMD" => self.cmd = run(rest),
            "ENTRYPOINT" => self.entrypoint = run(rest),
            "ENV" => {
                for (name, value) in self.pairs("ENV", rest)? {
                    let prefix = format!("{name}=");
                    self.env.retain(|e| !e.starts_with(&prefix));
                    self.env.push(prefix + &value);
                }
            }
            "LABEL" => self.labels.extend(self.pairs("LABEL", rest)?),
            "EXPOSE" => {
                for word in self.words("EXPOSE", rest)? {
                    for port in ports(&word)? {
                        self.exposed_ports.insert(port, Nothing {});
                    }
                    if self.exposed_ports.len() > MAX_PORTS {
                        return Err(Error::invalid(format!("EXPOSE of more than {MAX_PORTS} ports")));
                    }
                }
            }
            "VOLUME" => {
                let volumes = match json(rest) {
                    Some(volumes) => volumes,
                    None => self.words("VOLUME", rest)?,
                };
                if volumes.is_empty() || volumes.iter().any(|v| v.trim().is_empty()) {
                    return Err(Error::invalid("VOLUME specified can not be an empty string"));
                }
                self.volumes.extend(volumes.into_iter().map(|v| (v, Nothing {})));
            }
            "USER" => self.user = self.one("USER", rest)?,
            "WORKDIR" => {
                let folder = expand(&unquoted(rest)?, &self.env)?;
                if folder.is_empty() {
                    return Err(Error::invalid("WORKDIR requires exactly one argument"));
                }
                self.working_dir = below(&self.working_dir, &folder);
            }
            "STOPSIGNAL" => {
                let signal = self.one("STOPSIGNAL", rest)?;
                let named =
                    |s: &str| s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-'));
                if !named(&signal) {
                    return Err(Error::invalid(format!("invalid signal: {}", printable(&signal))));
                }
                self.stop_signal = signal;
            }
            "ONBUILD" => {
                let trigger = rest.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
                match trigger.as_str() {
                    "" => return Err(Error::invalid("ONBUILD requires at least one argument")),
                    "ONBUILD" => {
                        let text = "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed";
                        return Err(Error::invalid(text));
                    }
                    "FROM" | "MAINTAINER" => {
                        return Err(Error::invalid(format!("{trigger} isn't allowed as an ONBUILD trigger")));
                    }
                    _ => self.on_build.push(rest.to_owned()),
                }
            }
            "HEALTHCHECK" => self.healthcheck = Some(Healthcheck::parse(rest)?),
            _ => {
                let text = format!("{} is not a valid change command", printable(&command));
                return Err(Error::invalid(text));
            }
        }
        Ok(())
    }

    /// `NAME=value NAME="other value"`, or the old `NAME value`.
    fn pairs(&self, command: &str, rest: &str) -> Result<Vec<(String, String)>> {
        let lacking = || Error::invalid(format!("{command} must have two arguments"));
        let first = rest.split_whitespace().next().unwrap_or_default();
        if !first.contains('=') {
            let (name, value) = rest.split_once(char::is_whitespace).ok_or_else(lacking)?;
            return Ok(vec![(name.to_owned(), expand(&unquoted(value.trim())?, &self.env)?)]);
        }
        let mut pairs = Vec::new();
        for word in split(rest)? {
            let (name, value) = word.split_once('=').ok_or_else(|| {
                let word = printable(&word);
                Error::invalid(format!(
                    "Syntax error - can't find = in {word:?}. Must be of the form: name=value"
                ))
            })?;
            if name.is_empty() {
                return Err(Error::invalid(format!("{command} names can not be blank")));
            }
            pairs.push((unquoted(name)?, expand(&unquoted(value)?, &self.env)?));
        }
        Ok(pairs)
    }

    fn words(&self, command: &str, rest: &str) -> Result<Vec<String>> {
        if rest.is_empty() {
            return Err(Error::invalid(format!("{command} requires at least one argument")));
        }
        split(rest)?.iter().map(|word| expand(&unquoted(word)?, &self.env)).collect()
    }

    fn one(&self, command: &str, rest: &str) -> Result<String> {
        match self.words(command, rest).unwrap_or_default().as_slice() {
            [one] if !one.is_empty() => Ok(one.clone()),
            _ => Err(Error::invalid(format!("{command} requires exactly one argument"))),
        }
    }
}

/// What is run: a list as JSON, or a line for the shell.
fn run(rest: &str) -> Vec<String> {
    json(rest).unwrap_or_else(|| match rest {
        "" => Vec::new(),
        line => ["/bin/sh", "-c", line].map(str::to_owned).to_vec(),
    })
}

/// `80`, `80/udp`, `8000-8002/tcp`.
fn ports(text: &str) -> Result<Vec<String>> {
    let invalid = || Error::invalid(format!("Invalid containerPort: {}", printable(text)));
    let (range, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let protocol = protocol.to_ascii_lowercase();
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return Err(Error::invalid(format!("Invalid proto: {}", printable(&protocol))));
    }
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let (first, last): (u16, u16) =
        (first.parse().map_err(|_| invalid())?, last.parse().map_err(|_| invalid())?);
    if first > last {
        return Err(invalid());
    }
    Ok((first..=last).map(|port| format!("{port}/{protocol}")).collect())
}

/// A folder as seen from another, `..` and `.` resolved.
fn below(base: &str, folder: &str) -> String {
    let whole = if folder.starts_with('/') { folder.to_owned() } else { format!("{base}/{folder}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn made(changes: &[&str]) -> String {
        let changes: Vec<String> = changes.iter().map(|&c| c.to_owned()).collect();
        match Changes::parse(&changes) {
            Ok(made) => serde_json::to_string(&made).unwrap(),
            Err(e) => e.to_string(),
        }
    }

    /// As docker 28.5.2 has made of the same.
    #[test]
    fn as_docker() {
        let changes = [
            "CMD sh -c x",
            "ENV A=1 B=2",
            "EXPOSE 80/tcp 9",
            "VOLUME /a /b",
            "LABEL x=y",
            r#"ENTRYPOINT ["/bin/x"]"#,
            "USER me",
            "WORKDIR /w",
            "STOPSIGNAL SIGINT",
            "ONBUILD RUN x",
            "HEALTHCHECK --interval=5s CMD true",
        ];
        assert_eq!(
            made(&changes),
            r#"{"User":"me","ExposedPorts":{"80/tcp":{},"9/tcp":{}},"Env":["A=1","B=2"],"Entrypoint":["/bin/x"],"Cmd":["/bin/sh","-c","sh -c x"],"Volumes":{"/a":{},"/b":{}},"WorkingDir":"/w","Labels":{"x":"y"},"StopSignal":"SIGINT","Healthcheck":{"Test":["CMD-SHELL","true"],"Interval":5000000000},"OnBuild":["RUN x"]}"#
        );
        for (change, text) in [
            ("SHELL [\"a\"]", "SHELL is not a valid change command"),
            ("foo x", "FOO is not a valid change command"),
            ("EXPOSE zz", "Invalid containerPort: zz"),
            ("ENV A", "ENV must have two arguments"),
            ("CMD", "{}"),
        ] {
            assert_eq!(made(&[change]), text, "{change}");
        }
    }

    #[test]
    fn quotes_variables_and_lines() {
        assert_eq!(
            made(&["ENV A=\"x y\" B='$A' C=a\\ b", "ENV D ${A}-$B\\$", "WORKDIR a", "WORKDIR ../$C"]),
            r#"{"Env":["A=x y","B=$A","C=a b","D=x y-$A$"],"WorkingDir":"/a b"}"#
        );
        assert_eq!(
            made(&["# none\nCMD a \\\n b\n\nUSER u"]),
            r#"{"User":"u","Cmd":["/bin/sh","-c","a  b"]}"#
        );
        assert_eq!(made(&["EXPOSE 1-3/udp"]), r#"{"ExposedPorts":{"1/udp":{},"2/udp":{},"3/udp":{}}}"#);
        assert_eq!(made(&["ENV A=\"x"]), "unterminated quote in \"A=\\\"x\"");
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in ".{0,200}", command in "CMD|ENV|LABEL|EXPOSE|VOLUME|USER|WORKDIR|HEALTHCHECK|ONBUILD") {
            drop(Changes::parse(&[format!("{command} {text}")]));
        }
    }
}
