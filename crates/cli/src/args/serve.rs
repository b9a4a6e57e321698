//! `barge serve`, with dockerd's names where dockerd has them.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::numbers::within;
use super::registries::Reach;

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[arg(value_name = "ARG", hide = true)]
    pub(crate) rest: Vec<String>,
    #[arg(
        short = 'H',
        long,
        value_name = "ADDRESS",
        help = "Where to listen: unix:///PATH, tcp://IP[:PORT], or fd:// for what systemd hands over; may be repeated \
                [default: fd:// if there is such, /run/barge/barge.sock for root, $XDG_RUNTIME_DIR/barge.sock otherwise]"
    )]
    pub(crate) host: Vec<String>,
    /// Group that may connect to unix sockets, besides their owner
    #[arg(short = 'G', long, value_name = "GROUP")]
    pub(crate) group: Option<String>,
    /// Use TLS for TCP, and let in only who shows a certificate of the authority
    #[arg(long)]
    pub(crate) tlsverify: bool,
    /// Certificates of the authority whose clients are let in, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) tlscacert: Option<PathBuf>,
    /// Certificate of this server, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) tlscert: Option<PathBuf>,
    /// Key of this server, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) tlskey: Option<PathBuf>,
    /// Allow TCP without TLS on loopback, where everybody on this machine may connect
    #[arg(long)]
    pub(crate) insecure_loopback: bool,
    /// Where to serve /metrics for Prometheus, plain HTTP without names of images [default: nowhere]
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) metrics_addr: Option<SocketAddr>,
    /// How many seconds a client may say or take nothing in the middle of something
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = within::<u64>(1..=86400))]
    pub(crate) idle_timeout: u64,
    /// How many seconds what is under way may take when the server is told to go
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = within::<u64>(0..=86400))]
    pub(crate) shutdown_timeout: u64,
    /// Format of the log on STDERR
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
    /// What is worth a line in it
    #[arg(short = 'l', long, value_name = "LEVEL", default_value = "info")]
    pub(crate) log_level: LogLevel,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}
