//! Carries HTTP over a unix socket, or over `ssh` and `docker system dial-stdio` on the other side.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use barge_core::error::io_text;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};

/// Makes connections to one daemon, wherever requests say that they go.
#[derive(Debug)]
pub(super) enum Dial {
    Unix(PathBuf),
    Ssh(Vec<String>),
}

impl Connector<()> for Dial {
    type Out = Connection;

    fn connect(&self, details: &ConnectionDetails, _: Option<()>) -> Result<Option<Connection>, ureq::Error> {
        let line = match self {
            Self::Unix(path) => Line::Unix(UnixStream::connect(path)?),
            Self::Ssh(arguments) => Line::Ssh(Ssh::start(arguments)?),
        };
        let config = details.config;
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        Ok(Some(Connection { line, buffers, deaf: false }))
    }
}

/// A connection to a daemon.
#[derive(Debug)]
pub(super) struct Connection {
    line: Line,
    buffers: LazyBuffers,
    /// Whether the daemon takes nothing more; it may have said why.
    deaf: bool,
}

#[derive(Debug)]
enum Line {
    Unix(UnixStream),
    Ssh(Ssh),
}

/// A running `ssh`; dropped, it ends.
#[derive(Debug)]
struct Ssh {
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
}

impl Ssh {
    fn start(arguments: &[String]) -> io::Result<Self> {
        let mut command = Command::new("ssh");
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        // It is not the daemon that is not there.
        let mut child = command.spawn().map_err(|e| io::Error::other(format!("run ssh: {}", io_text(&e))))?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(stdin), Some(stdout)) => Ok(Self { child, stdin, stdout }),
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl Drop for Ssh {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        if self.deaf {
            return Ok(());
        }
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        let written = match &mut self.line {
            Line::Unix(stream) => {
                stream.set_write_timeout(timeout.for_write().not_zero().map(|t| *t))?;
                stream.write_all(output)
            }
            Line::Ssh(ssh) => ssh.stdin.write_all(output).and_then(|()| ssh.stdin.flush()),
        };
        match written {
            Err(e) if matches!(e.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => {
                self.deaf = true;
                Ok(())
            }
            written => written.map_err(|e| timed(e, timeout.for_write())),
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let input = self.buffers.input_append_buf();
        let n = match &mut self.line {
            Line::Unix(stream) => {
                stream.set_read_timeout(timeout.for_read().not_zero().map(|t| *t))?;
                let read = match uninterrupted(stream, input) {
                    // It is told once that the other side is gone; what that has said is there nevertheless.
                    Err(e) if self.deaf && e.kind() == io::ErrorKind::ConnectionReset => {
                        uninterrupted(stream, input)
                    }
                    read => read,
                };
                read.map_err(|e| timed(e, timeout.for_read()))?
            }
            Line::Ssh(ssh) => uninterrupted(&mut ssh.stdout, input)?,
        };
        self.buffers.input_appended(n);
        Ok(n > 0)
    }

    /// Never for another request: a daemon that has ended one may have ended the connection, too.
    fn is_open(&mut self) -> bool {
        false
    }
}

fn uninterrupted(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match from.read(buffer) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

fn timed(error: io::Error, timeout: NextTimeout) -> ureq::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => ureq::Error::Timeout(timeout.reason),
        _ => error.into(),
    }
}

/// Looks nothing up: where requests go is not for their URL to say.
#[derive(Debug)]
pub(super) struct Nowhere;

impl Resolver for Nowhere {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        addresses.push(SocketAddr::from(([127, 0, 0, 1], 0)));
        Ok(addresses)
    }
}
