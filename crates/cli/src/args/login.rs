//! `barge login` and `barge logout`

use std::ffi::OsString;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Login {
    #[arg(value_name = "SERVER")]
    pub(crate) servers: Vec<String>,
    /// Username
    #[arg(short, long, value_name = "string")]
    pub(crate) username: Option<String>,
    /// Password or Personal Access Token (PAT)
    #[arg(short, long, value_name = "string")]
    pub(crate) password: Option<String>,
    /// Take the password from STDIN
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// The file to keep it in [default: docker's config.json]
    #[arg(long, value_name = "FILE", env = "REGISTRY_AUTH_FILE", hide_env_values = true)]
    pub(crate) authfile: Option<OsString>,
    /// Insist on sound certificates; without, plain HTTP will do as well
    #[arg(long, default_value = "true")]
    pub(crate) tls_verify: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Logout {
    #[arg(value_name = "SERVER")]
    pub(crate) servers: Vec<String>,
    /// The file it is kept in [default: docker's config.json]
    #[arg(long, value_name = "FILE", env = "REGISTRY_AUTH_FILE", hide_env_values = true)]
    pub(crate) authfile: Option<OsString>,
}
