//! `barge image prune`

use std::io::{Write, stdin, stdout};

use barge_core::error::printable;
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
    let store = store()?;
    if !args.force && !confirmed(&goes(&store, all, !args.filter.is_empty())) {
        return Ok(());
    }
    let (removed, freed) = prune(&store, all, &filters)?;
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

/// What is going to be removed; docker keeps what containers use, of which nothing is known here.
fn goes(store: &Store, all: bool, filtered: bool) -> String {
    let which = if filtered { " that the filters let through" } else { "" };
    if all {
        let root = printable(&store.root().to_string_lossy());
        format!("all images{which} from the store {root}, also those that have a name")
    } else {
        format!("all dangling images{which}")
    }
}

fn confirmed(what: &str) -> bool {
    let question = format!("WARNING! This will remove {what}.\nAre you sure you want to continue? [y/N] ");
    let mut answer = String::new();
    let mut out = stdout();
    let asked = out.write_all(question.as_bytes()).and_then(|()| out.flush());
    let asked = asked.and_then(|()| stdin().read_line(&mut answer));
    asked.is_ok() && matches!(answer.trim(), "y" | "Y")
}
