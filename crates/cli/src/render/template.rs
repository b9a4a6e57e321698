//! `--format`: docker's `table`, `json`, `raw` and Go templates over rows.

use barge_template::Template;
use serde_json::{Map, Value};

use barge_core::error::printable;

use super::table::Table;
use crate::cmd::Failure;

/// Fields of one row by name.
pub(crate) type Row = Map<String, Value>;

/// Renders rows as `format` says; `headers` are the titles of all fields, `default` the fields of a plain table.
pub(crate) fn render(
    format: &str,
    rows: &[Row],
    headers: &[(&str, &str)],
    default: &[&str],
) -> Result<String, Failure> {
    let title = |name: &&str| headers.iter().find(|(n, _)| n == name).map_or("", |(_, title)| *title);
    if format == "json" {
        return Ok(rows.iter().map(|row| format!("{}\n", Value::Object(row.clone()))).collect());
    }
    if format == "table" {
        let titles: Vec<&str> = default.iter().map(title).collect();
        let mut table = Table::new(&titles);
        for row in rows {
            table.row(default.iter().map(|name| text(row.get(*name))).collect());
        }
        return Ok(table.to_string());
    }
    let unescaped = |s: &str| s.replace("\\t", "\t").replace("\\n", "\n");
    let Some(columns) = format.strip_prefix("table") else {
        let template = parse(&unescaped(format), 1)?;
        let lines = rows.iter().map(|row| Ok(execute(&template, row)? + "\n"));
        return lines.collect();
    };
    let template = parse(&unescaped(columns.trim_start()), 1)?;
    let titles: Row = headers.iter().map(|(n, title)| ((*n).to_owned(), Value::from(*title))).collect();
    let head =
        template.execute_header(&Value::Object(titles)).map_err(|e| Failure::Text(e.to_string(), 1))?;
    let cells = |line: &str| line.split('\t').map(str::to_owned).collect();
    let mut table = Table::bare();
    table.row(cells(&head));
    for row in rows {
        table.row(cells(&execute(&template, row)?));
    }
    Ok(table.to_string())
}

/// Parses a template, or fails as docker does; with which exit code depends on the command.
pub(crate) fn parse(text: &str, code: u8) -> Result<Template, Failure> {
    Template::parse(text)
        .map_err(|e| Failure::Text(format!("template parsing error: {}", printable(&e.to_string())), code))
}

/// Executes a template over one object.
pub(crate) fn execute(template: &Template, row: &Row) -> Result<String, Failure> {
    template
        .execute(&Value::Object(row.clone()))
        .map_err(|e| Failure::Text(format!("template parsing error: {e}"), 1))
}

fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}
