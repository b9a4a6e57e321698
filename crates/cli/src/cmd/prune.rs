//! `barge image prune`

use std::io::{Write, stdin, stdout};

use barge_core::ops::{Filters, Removed, prune};
use barge_core::store::Store;

use super::list::add_filter;
use super::{Failure, Outcome, print};
use crate::args::Prune;
use crate::render::size::human_size;
use crate::usage::{Arity, check};

pub(crate) fn run(args: &Prune, store: impl Fn() -> Result<Store, Failure>, typed: &str) -> Outcome {
    check(&Arity::None, args.rest.len(), typed)?;
    let mut filters = Filters::default();
    for filter in &args.filter {
        add_filter(&mut filters, filter, "--filter", typed)?;
    }
    let all = args.all || filters.dangling == Some(false);
    filters.dangling = None;
    if !args.force && !confirmed(all) {
        return Ok(());
    }
    let (removed, freed) = prune(&store()?, all, &filters)?;
    let mut text = String::new();
    if !removed.is_empty() {
        text.push_str("Deleted Images:\n");
        for removed in &removed {
            text.push_str(&match removed {
                Removed::Untagged(name) => format!("untagged: {name}\n"),
                Removed::Deleted(digest) => format!("deleted: {digest}\n"),
            });
        }
        text.push('\n');
    }
    print(&text)?;
    print(&format!("Total reclaimed space: {}\n", human_size(freed?.bytes, 4)))
}

fn confirmed(all: bool) -> bool {
    let what = if all {
        "all images without at least one container associated to them."
    } else {
        "all dangling images."
    };
    let question = format!("WARNING! This will remove {what}\nAre you sure you want to continue? [y/N] ");
    let mut answer = String::new();
    let mut out = stdout();
    let asked = out.write_all(question.as_bytes()).and_then(|()| out.flush());
    let asked = asked.and_then(|()| stdin().read_line(&mut answer));
    asked.is_ok() && matches!(answer.trim(), "y" | "Y")
}
