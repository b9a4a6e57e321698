//! `barge history`

use barge_core::ops::{HistoryStep, history};
use barge_core::store::Store;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Failure, Outcome, missing, platform, print};
use crate::args::History;
use crate::render::size::human_size;
use crate::render::template::{Row, render};
use crate::render::time::{ago, rfc3339};
use crate::usage::{Arity, check};

const HEADERS: [(&str, &str); 6] = [
    ("ID", "IMAGE"),
    ("CreatedSince", "CREATED"),
    ("CreatedAt", "CREATED AT"),
    ("CreatedBy", "CREATED BY"),
    ("Size", "SIZE"),
    ("Comment", "COMMENT"),
];
/// How much of a command is shown unless all of it is asked for.
const COMMAND_WIDTH: usize = 45;

pub(crate) fn run(args: &History, store: impl Fn() -> Result<Store, Failure>, typed: &str) -> Outcome {
    check(&Arity::Exactly(1), args.images.len(), typed)?;
    let platform = args.platform.as_deref().map(platform).transpose()?;
    let image = args.images.first().map(String::as_str).unwrap_or_default();
    let store = store()?;
    let steps = history(&store, image, platform.as_ref()).map_err(|error| missing::advise(error, &store))?;
    if args.quiet {
        return print(&steps.iter().map(|s| format!("{}\n", id(s, args.no_trunc))).collect::<String>());
    }
    let rows: Vec<Row> = steps.iter().map(|s| row(s, args)).collect();
    let created = if args.human { "CreatedSince" } else { "CreatedAt" };
    let default = ["ID", created, "CreatedBy", "Size", "Comment"];
    let format = args.format.as_deref().filter(|f| !f.is_empty()).unwrap_or("table");
    print(&render(format, &rows, &HEADERS, &default)?)
}

fn id(step: &HistoryStep, whole: bool) -> String {
    match step.id {
        None => "<missing>".to_owned(),
        Some(digest) if whole => digest.to_string(),
        Some(digest) => digest.short(),
    }
}

fn row(step: &HistoryStep, args: &History) -> Row {
    let command = barge_core::error::printable(&step.created_by.replace('\t', " "));
    let command = if args.no_trunc { step.created_by.replace('\t', " ") } else { shortened(&command) };
    let size = if args.human { human_size(step.size, 3) } else { step.size.to_string() };
    let row = json!({
        "ID": id(step, args.no_trunc), "CreatedSince": if args.human { ago(step.created, Timestamp::now()) } else { rfc3339(step.created) },
        "CreatedAt": rfc3339(step.created), "CreatedBy": command.replace(|c: char| c.is_control(), " "),
        "Size": size, "Comment": barge_core::error::printable(&step.comment),
    });
    match row {
        Value::Object(row) => row,
        _ => Row::new(),
    }
}

fn shortened(command: &str) -> String {
    if command.chars().count() <= COMMAND_WIDTH {
        return command.to_owned();
    }
    let start: String = command.chars().take(COMMAND_WIDTH - 1).collect();
    format!("{start}…")
}
