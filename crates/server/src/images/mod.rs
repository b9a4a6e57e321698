//! What is asked of images, one verb a file.

mod create;
mod credentials;
mod history;
mod import;
mod inspect;
mod list;
mod load;
mod prune;
mod pull;
mod push;
mod remove;
mod save;
mod tag;
mod told;

pub(crate) use create::create;
pub(crate) use credentials::credentials;
pub(crate) use history::history;
pub(crate) use inspect::inspect;
pub(crate) use list::list;
pub(crate) use load::load;
pub(crate) use prune::prune;
pub(crate) use push::push;
pub(crate) use remove::remove;
pub(crate) use save::save;
pub(crate) use tag::tag;
