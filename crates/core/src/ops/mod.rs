//! The verbs, one a file: free functions over a store.

mod filters;
mod history;
mod import;
mod inspect;
mod list;
mod load;
mod pieces;
mod prune;
mod pull;
mod push;
mod relay;
mod remove;
mod save;
mod tag;
mod usage;
mod verdict;

pub use filters::{Filters, name_matches, reference_matches, time};
pub use history::{HistoryStep, history};
pub use import::{ImportOptions, import};
pub use inspect::{Inspected, inspect};
pub use list::{Listing, PlatformRow, list, list_archive, list_remote};
pub use load::{LoadOptions, Loaded, LoadedImage, Source, Staged, stage, stage_in_place};
pub use prune::prune;
pub use pull::{PullOptions, Pulled, pull};
pub use push::{PushOptions, Pushed, push};
pub use relay::{Broken, has_all, relay};
pub use remove::{RemoveOptions, Removed, remove};
pub use save::{SaveOptions, asked_for, plan_among, plan_images, plan_save};
pub use tag::tag;
pub use usage::{ImageUsage, Usage, usage, usage_elsewhere};
pub use verdict::{Verdict, verdicts};
