//! Outcomes as text: tables, trees, plans, templates, sizes, times, progress.

pub(crate) mod drawn;
pub(crate) mod log;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod size;
pub(crate) mod table;
pub(crate) mod template;
pub(crate) mod time;
pub(crate) mod transfers;
pub(crate) mod tree;
