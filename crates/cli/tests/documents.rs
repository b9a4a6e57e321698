//! The documents are true as far as a program can tell: every test that `docs/compatibility.md` names exists, and every
//! link of every document leads to something.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// The title of the column that names tests, the last of every table.
const SHOWN: &str = "shown by";
/// What stands in it where nothing shows what the row says.
const NONE: &str = "none yet";
/// Where the files are that it names, unless they are said from the workspace's root.
const TESTS: &str = "crates/cli/tests";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The last cell of each row of the tables, with the number of its line; an error is a table without [`SHOWN`].
fn cells(document: &str) -> Result<Vec<(usize, &str)>, String> {
    let (mut cells, mut within) = (Vec::new(), false);
    for (n, line) in document.lines().enumerate() {
        let Some(row) = line.strip_prefix('|') else {
            within = false;
            continue;
        };
        let last = row.trim_end().strip_suffix('|').and_then(|row| row.rsplit('|').next());
        let last = last.ok_or_else(|| format!("line {}: a row without an end", n + 1))?.trim();
        if !within && last != SHOWN {
            return Err(format!("line {}: a table whose last column is not `{SHOWN}`", n + 1));
        }
        let rule = !last.is_empty() && last.bytes().all(|byte| byte == b'-');
        if within && !rule {
            cells.push((n + 1, last));
        }
        within = true;
    }
    Ok(cells)
}

/// What is wrong with a cell, which is [`NONE`] or `` `FILE` test, test; `FILE` test ``. A file or folder alone has to be
/// there.
fn wrong(cell: &str) -> Option<String> {
    if cell == NONE {
        return None;
    }
    cell.split("; ").find_map(|entry| {
        let Some((file, tests)) = entry.strip_prefix('`').and_then(|entry| entry.split_once('`')) else {
            return Some(format!("{entry:?} names no file"));
        };
        let path = root().join(if file.starts_with("crates/") { "" } else { TESTS }).join(file);
        if tests.is_empty() {
            return (!path.exists()).then(|| format!("there is no {file}"));
        }
        let Ok(text) = fs::read_to_string(&path) else { return Some(format!("there is no {file}")) };
        let Some(tests) = tests.strip_prefix(' ').filter(|_| file.ends_with(".rs")) else {
            return Some(format!("{entry:?} names no tests of a file"));
        };
        let missing = tests.split(", ").find(|test| !has_test(&text, test))?;
        Some(format!("there is no test {missing:?} in {file}"))
    })
}

/// Whether a function of this name is there, with `#[test]` among its attributes.
fn has_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
    let begins = format!("fn {name}(");
    lines.iter().enumerate().filter(|(_, line)| line.starts_with(&begins)).any(|(n, _)| {
        lines[..n].iter().rev().take_while(|line| line.starts_with("#[")).any(|line| *line == "#[test]")
    })
}

/// Where the links of a document lead that lead to files, without what stands behind `#`; what is code has none.
fn links(document: &str) -> Vec<&str> {
    let (mut links, mut code) = (Vec::new(), false);
    for line in document.lines() {
        if line.trim_start().starts_with("```") {
            code = !code;
        }
        if code {
            continue;
        }
        // Every other piece stands between backticks.
        let targets = line.split('`').step_by(2).flat_map(|text| text.split("](").skip(1));
        let targets = targets.filter_map(|rest| rest.split([')', ' ']).next());
        let elsewhere =
            |target: &str| ["http://", "https://", "mailto:"].iter().any(|s| target.starts_with(s));
        let files = targets.filter(|target| !elsewhere(target)).filter_map(|target| target.split('#').next());
        links.extend(files.filter(|file| !file.is_empty()));
    }
    links
}

/// Every document below a folder, but for what is hidden or built.
fn documents(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') || name == "target" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            documents(&entry.path(), found);
        } else if name.ends_with(".md") {
            found.push(entry.path());
        }
    }
}

#[test]
fn every_test_that_is_named_exists() {
    let document = fs::read_to_string(root().join("docs/compatibility.md")).unwrap();
    let cells = cells(&document).unwrap();
    assert!(cells.len() > 100, "{} rows", cells.len());
    let wrong: Vec<String> =
        cells.iter().filter_map(|(line, cell)| Some(format!("line {line}: {}", wrong(cell)?))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_link_leads_to_something() {
    let mut all = Vec::new();
    documents(&root(), &mut all);
    let (mut count, mut wrong) = (0, Vec::new());
    for document in &all {
        let text = fs::read_to_string(document).unwrap();
        for link in links(&text) {
            count += 1;
            if !document.parent().unwrap().join(link).exists() {
                wrong.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(all.len() > 10 && count > 20, "{} documents, {count} links", all.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The checks can fail.
#[test]
fn what_is_wrong_is_found() {
    for right in [
        "none yet",
        "`documents.rs` what_is_wrong_is_found",
        "`documents.rs` every_link_leads_to_something, every_test_that_is_named_exists; `crates/cli/tests/golden`",
    ] {
        assert_eq!(wrong(right), None, "{right}");
    }
    for bad in [
        "",
        "none",
        "documents.rs what_is_wrong_is_found",
        "`gone.rs`",
        "`gone.rs` what_is_wrong_is_found",
        "`documents.rs` gone",
        // No test, though a function.
        "`documents.rs` has_test",
        "`documents.rs` what_is_wrong_is_found and more",
        "`documents.rs`, `usage.rs`",
        "`golden` what_is_wrong_is_found",
        "`documents.rs` what_is_wrong_is_found; `documents.rs` gone",
    ] {
        assert!(wrong(bad).is_some(), "{bad}");
    }
    let table = "| a | shown by |\n|---|---|\n| b | c |\n\nd\n\n| e | shown by |\n|---|---|\n| f | `g` |\n";
    assert_eq!(cells(table).unwrap(), [(3, "c"), (9, "`g`")]);
    assert!(cells("| a | b |\n|---|---|\n| c | d |\n").is_err());
    assert!(cells("| a | shown by |\n|---|---|\n| b | c\n").is_err());
    let text =
        "[a](b.md#c) [d](#e) `[f](g)` ![h](i.svg)\n```\n[j](k)\n```\n[`l`](m) <https://n> [o](https://p)";
    assert_eq!(links(text), ["b.md", "i.svg", "m"]);
}
