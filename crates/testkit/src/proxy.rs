//! A registry that misbehaves: a real one, behind a proxy on loopback that spoils what it is told to.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context, Result};

/// How long either side may say nothing.
const PATIENCE: Duration = Duration::from_secs(30);
const BUFFER: usize = 64 << 10;

/// A request, and what became of it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `GET`.
    pub method: String,
    /// `/v2/team/app/blobs/sha256:...`.
    pub path: String,
    /// Every header, the names in lower case.
    pub headers: Vec<(String, String)>,
    /// How many bytes of the answer's body went out.
    pub sent: u64,
}

impl Asked {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// What is done to an answer.
#[derive(Clone, Debug)]
pub enum Mishap {
    /// Nothing.
    None,
    /// It is said instead: the status, other headers, each ended by a line end, and the body.
    Instead(&'static str, String, Vec<u8>),
    /// The connection ends after so many bytes of its body.
    Cut(u64),
    /// Nothing more comes after so many bytes of its body, until the proxy is dropped.
    Stall(u64),
    /// It comes later.
    Late(Duration),
    /// The byte of its body at this place is another one.
    Alter(u64),
    /// What follows a `CONNECT` goes to the registry unread, whatever it was to be connected to.
    Tunnel,
}

/// A proxy that lives as long as this value.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

type Rule = dyn Fn(&Asked) -> Mishap + Send + Sync;

impl Proxy {
    /// In front of the registry at `upstream`, `127.0.0.1:PORT`; `rule` sees every request before it is
    /// answered.
    pub fn start(upstream: &str, rule: impl Fn(&Asked) -> Mishap + Send + Sync + 'static) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (address, over) = (listener.local_addr()?, Arc::new(AtomicBool::new(false)));
        let (asked, upstream, rule): (Arc<Mutex<Vec<Asked>>>, _, Arc<Rule>) =
            (Arc::default(), upstream.to_owned(), Arc::new(rule));
        let (log, end) = (Arc::clone(&asked), Arc::clone(&over));
        let thread = thread::spawn(move || {
            let mut connections = Vec::new();
            for stream in listener.incoming().flatten() {
                if end.load(Ordering::SeqCst) {
                    break;
                }
                let (upstream, rule) = (upstream.clone(), Arc::clone(&rule));
                let (log, end) = (Arc::clone(&log), Arc::clone(&end));
                connections.push(thread::spawn(move || {
                    // Either side may go away; that is what this is for.
                    let _ = pass(&stream, &upstream, &*rule, &log, &end);
                }));
            }
            for connection in connections {
                let _ = connection.join();
            }
        });
        Ok(Self { address, asked, over, thread: Some(thread) })
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Every request so far, in the order they came.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // The next connection tells it to look.
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// One request and its answer.
fn pass(
    client: &TcpStream,
    upstream: &str,
    rule: &Rule,
    log: &Mutex<Vec<Asked>>,
    end: &AtomicBool,
) -> Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(client);
    let (first, headers) = head(&mut reader)?;
    let mut words = first.split(' ');
    let (method, path) = (words.next().context("no method")?, words.next().context("no path")?);
    let asked = Asked { method: method.to_owned(), path: path.to_owned(), headers, sent: 0 };
    let at = {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push(asked.clone());
        log.len() - 1
    };
    let count = |bytes: usize| {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asked) = log.get_mut(at) {
            asked.sent += bytes as u64;
        }
    };
    let mishap = rule(&asked);
    let sent = asked.header("content-length").and_then(|l| l.parse().ok()).unwrap_or_default();
    if let Mishap::Instead(status, headers, body) = &mishap {
        let mut client = client;
        // Whoever does not listen to the end is not listened to either.
        std::io::copy(&mut reader.take(sent), &mut std::io::sink())?;
        let length = body.len();
        let length = if headers.to_ascii_lowercase().contains("content-length:") {
            String::new()
        } else {
            format!("Content-Length: {length}\r\n")
        };
        write!(client, "HTTP/1.1 {status}\r\n{headers}{length}Connection: close\r\n\r\n")?;
        client.write_all(body)?;
        return Ok(());
    }
    let server = TcpStream::connect(upstream)?;
    server.set_read_timeout(Some(PATIENCE))?;
    if let Mishap::Tunnel = mishap {
        return tunnel(client, &mut reader, &server);
    }
    let mut to_server = &server;
    write!(to_server, "{first}\r\nConnection: close\r\n")?;
    for (name, value) in asked.headers.iter().filter(|(name, _)| name != "connection") {
        write!(to_server, "{name}: {value}\r\n")?;
    }
    write!(to_server, "\r\n")?;
    std::io::copy(&mut reader.take(sent), &mut to_server)?;

    if let Mishap::Late(by) = &mishap {
        thread::sleep(*by);
    }
    let mut from_server = BufReader::new(&server);
    let (status, headers) = head(&mut from_server)?;
    let mut to_client = client;
    write!(to_client, "{status}\r\n")?;
    for (name, value) in &headers {
        write!(to_client, "{name}: {value}\r\n")?;
    }
    write!(to_client, "\r\n")?;
    let most = match mishap {
        Mishap::Cut(bytes) | Mishap::Stall(bytes) => bytes,
        _ => u64::MAX,
    };
    let (mut body, mut buffer, mut sent) = (from_server.take(most), vec![0; BUFFER], 0);
    loop {
        let n = body.read(&mut buffer)?;
        let Some(piece) = buffer.get_mut(..n).filter(|piece| !piece.is_empty()) else { break };
        if let Mishap::Alter(place) = mishap
            && let Some(byte) =
                place.checked_sub(sent).and_then(|at| piece.get_mut(usize::try_from(at).ok()?))
        {
            *byte ^= 1;
        }
        to_client.write_all(piece)?;
        sent += n as u64;
        count(n);
    }
    while matches!(mishap, Mishap::Stall(_)) && !end.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Both ways at once, until either side has enough.
fn tunnel(mut client: &TcpStream, from_client: &mut (impl Read + Send), server: &TcpStream) -> Result<()> {
    write!(client, "HTTP/1.1 200 Connection established\r\n\r\n")?;
    thread::scope(|scope| {
        scope.spawn(move || {
            let (mut from, mut to) = (server, client);
            // Whichever ends first ends the other.
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
        let mut to = server;
        let _ = std::io::copy(from_client, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
    Ok(())
}

/// The first line, and the headers with their names in lower case.
fn head(reader: &mut impl BufRead) -> Result<(String, Vec<(String, String)>)> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let (first, mut headers) = (line.trim_end().to_owned(), Vec::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { return Ok((first, headers)) };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}
