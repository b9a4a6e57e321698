//! `barge serve` at work on a place's store, and a client that shows every byte of an answer.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use super::{Place, Ran, Running, wait_until};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server, gone when dropped.
pub(crate) struct Server {
    running: Option<Running>,
    socket: PathBuf,
    log: PathBuf,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the body came to its end.
    pub(crate) whole: bool,
}

impl Server {
    /// On a socket of its own.
    pub(crate) fn start(place: &Place) -> Self {
        Self::with(place, &[])
    }

    /// The same, with more flags.
    pub(crate) fn with(place: &Place, flags: &[&str]) -> Self {
        let socket = place.path("barge.sock");
        let host = format!("unix://{}", socket.display());
        let command = place.command(&[&["serve", "--host", &host], flags].concat());
        let mut server = Self::command(place, command, socket);
        wait_until("the server", || {
            assert!(!server.running.as_mut().unwrap().is_over(), "{}", server.log());
            UnixStream::connect(&server.socket).is_ok()
        });
        server
    }

    /// Whatever `command` starts, which will listen on `socket`; its log goes to a file.
    pub(crate) fn command(place: &Place, command: Command, socket: PathBuf) -> Self {
        Self::command_with_stdin(place, command, socket, Stdio::null())
    }

    /// The same, with something to read.
    pub(crate) fn command_with_stdin(
        place: &Place,
        mut command: Command,
        socket: PathBuf,
        stdin: impl Into<Stdio>,
    ) -> Self {
        let log = tempfile::Builder::new().prefix("log").tempfile_in(place.path("")).unwrap();
        let (file, log) = log.keep().unwrap();
        command.stdin(stdin).stdout(Stdio::null()).stderr(file);
        Self { running: Some(Running::start_as_is(command)), socket, log }
    }

    pub(crate) fn socket(&self) -> &PathBuf {
        &self.socket
    }

    pub(crate) fn id(&self) -> u32 {
        self.running.as_ref().unwrap().id()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.running.as_ref().unwrap().signal(signal);
    }

    /// Waits for its end; its exit code.
    #[track_caller]
    pub(crate) fn end(&mut self) -> Option<i32> {
        self.running.take().unwrap().end().code
    }

    /// A connection with a request on its way; `body` is sent with its length.
    pub(crate) fn send(&self, request: &str, headers: &[&str], body: &[u8]) -> UnixStream {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // Whoever fails early may not read everything.
        let _ = write_request(&mut stream, request, headers, body);
        stream
    }

    pub(crate) fn ask(&self, request: &str, headers: &[&str], body: &[u8]) -> Answer {
        Answer::read(&mut self.send(request, headers, body), request.starts_with("HEAD"))
    }

    /// `GET /path`, `POST /path`, `DELETE /path` without a body.
    pub(crate) fn call(&self, request: &str) -> Answer {
        self.ask(request, &[], b"")
    }

    /// An answer that must be 200 and JSON.
    #[track_caller]
    pub(crate) fn json(&self, request: &str) -> Value {
        let answer = self.call(request);
        assert_eq!(answer.status, 200, "{request}: {}", answer.text());
        answer.json()
    }

    /// Status and message of an answer that must be a failure.
    #[track_caller]
    pub(crate) fn fault(&self, request: &str) -> (u16, String) {
        let answer = self.call(request);
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert_eq!(answer.header("content-type"), "application/json", "{request}");
        (answer.status, message)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.signal(Signal::TERM);
            drop::<Ran>(running.end());
        }
    }
}

/// Writes a request that wants the connection closed after its answer.
pub(crate) fn write_request(
    stream: &mut impl Write,
    request: &str,
    headers: &[&str],
    body: &[u8],
) -> io::Result<()> {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let length = body.len();
    write!(
        stream,
        "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    )?;
    stream.write_all(body)
}

impl Answer {
    /// Reads to the end of the connection.
    pub(crate) fn read(stream: &mut impl Read, head_only: bool) -> Self {
        let (mut bytes, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
        // A connection that is broken off is what some tests are about.
        while let Ok(n @ 1..) = stream.read(&mut buffer) {
            bytes.extend_from_slice(&buffer[..n]);
        }
        let end =
            bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or_else(|| panic!("no head came"));
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_lowercase(), value.to_owned())
        };
        let mut answer = Self {
            status,
            headers: lines.map(header).collect(),
            body: bytes.split_off(end + 4),
            whole: true,
        };
        if answer.header("transfer-encoding") == "chunked" {
            (answer.body, answer.whole) = dechunked(&answer.body);
        } else if !head_only {
            answer.whole = answer.header("content-length").parse() == Ok(answer.body.len());
        }
        answer
    }

    /// Empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert!(self.whole, "{}", self.text());
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// The objects of an answer that has one a line.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<Value> {
        assert!(self.whole, "{}", self.text());
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// The bytes of a chunked body, and whether its last chunk came.
fn dechunked(mut bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") else { return (body, false) };
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        bytes = &bytes[end + 2..];
        if size == 0 {
            return (body, true);
        }
        if bytes.len() < size + 2 {
            return (body, false);
        }
        body.extend_from_slice(&bytes[..size]);
        bytes = &bytes[size + 2..];
    }
}
