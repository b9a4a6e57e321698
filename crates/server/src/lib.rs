//! Docker's Engine API for images, over the embedded store.
//!
//! A request is routed by `route`, one file of `images` or `system` answers it with the same operations that
//! the command line has, and [`wire`] has the shapes of the API, each as the version asked for has it. Operations
//! are synchronous and run on threads of their own; `upload` and `transfer` join them to the connection, piece by piece, so that
//! whoever reads slowly holds up nobody else and no memory.
//!
//! Nothing here prints or reads the environment, but for what systemd leaves there: whoever starts it says what
//! counts ([`Options`]).

mod absent;
mod accept;
mod address;
mod body;
mod call;
mod events;
mod fault;
mod images;
mod listen;
mod metrics;
mod page;
mod place;
mod query;
mod route;
mod scrape;
mod serve;
mod service;
mod system;
mod tls;
mod transfer;
mod upload;
mod version;
pub mod wire;

pub use address::Address;
pub use listen::Access;
pub use serve::{Options, serve};
pub use tls::TlsFiles;
pub use version::ApiVersion;
