//! Registries: the OCI distribution protocol, 1.1, over HTTP/1.1.
//!
//! [`Registry`] is one host, [`Repository`] one repository of it. Documents are verified as they come; blobs
//! are read as a stream that mends itself where a connection breaks, and verified by whoever receives them.

mod auth;
mod client;
mod credentials;
mod elsewhere;
mod endpoint;
mod fault;
mod gathered;
mod helper;
mod login;
mod reader;
mod repository;
mod settings;
mod upload;

pub use client::Registry;
pub use credentials::{Credential, Credentials};
pub use gathered::Gathered;
pub use login::{Kept, forget, host_of, remember};
pub use repository::{Repository, siblings};
pub use settings::{Proxies, Settings};
