//! Registries: the OCI distribution protocol, 1.1, over HTTP/1.1.
//!
//! [`Registry`] is one host, [`Repository`] one repository of it. Documents are verified as they come; blobs
//! are read as a stream that mends itself where a connection breaks, and verified by whoever receives them.

mod auth;
mod base;
mod call;
mod client;
mod credentials;
mod elsewhere;
mod endpoint;
mod fault;
mod gathered;
mod helper;
mod host;
mod login;
mod manifests;
mod origin;
mod pages;
mod reader;
mod referrers;
mod repository;
mod settings;
mod tries;
mod unanswered;
mod upload;

pub use credentials::{Credential, Credentials};
pub use gathered::Gathered;
pub use host::Registry;
pub use login::{Kept, forget, host_of, remember};
pub use origin::siblings;
pub use repository::Repository;
pub use settings::{Proxies, Settings};
