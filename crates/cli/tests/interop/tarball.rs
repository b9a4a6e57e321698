//! Archives as plain ustar, which is all that barge and docker's containerd store write for images below
//! 8 GiB, read by a second pair of eyes: nothing here is barge's own code.

use std::{collections::BTreeMap, fs, path::Path, str};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

const BLOCK: usize = 512;

/// The files of an archive by name.
pub(crate) fn files(archive: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let bytes = fs::read(archive).with_context(|| archive.display().to_string())?;
    Ok(records(&bytes)?.into_iter().map(|record| (record.name, record.content.to_vec())).collect())
}

/// That two archives are the same, or that `words` are in what is said of their difference.
pub(crate) fn expect_difference(one: &Path, two: &Path, words: &str) -> Result<()> {
    let found = difference(one, two)?.unwrap_or_default();
    ensure!(found.is_empty() == words.is_empty() && found.contains(words), "{found:?}, and not {words:?}");
    Ok(())
}

/// How two archives differ, in words; nothing if they do not.
///
/// docker lists the images of `manifest.json` in an order that changes from run to run, so where there is
/// more than one its lines count and not their order.
fn difference(one: &Path, two: &Path) -> Result<Option<String>> {
    let (first, second) = (fs::read(one)?, fs::read(two)?);
    if first == second {
        return Ok(None);
    }
    let (first_records, second_records) = (records(&first)?, records(&second)?);
    let names = |records: &[Record<'_>]| -> Vec<String> {
        records.iter().map(|record| record.name.clone()).collect()
    };
    let (first_names, second_names) = (names(&first_records), names(&second_records));
    if first_names != second_names {
        let only = |these: &[String], those: &[String]| {
            let only: Vec<_> = these.iter().filter(|name| !those.contains(name)).cloned().collect();
            only.join(", ")
        };
        return Ok(Some(format!(
            "only in the first: [{}], only in the second: [{}]",
            only(&first_names, &second_names),
            only(&second_names, &first_names)
        )));
    }
    let mut reordered = false;
    for (a, b) in first_records.iter().zip(&second_records) {
        if a == b {
            continue;
        }
        let same_lines =
            a.name == "manifest.json" && a.header == b.header && lines(a.content)? == lines(b.content)?;
        if !same_lines {
            let at = a.content.iter().zip(b.content).take_while(|(a, b)| a == b).count();
            return Ok(Some(format!("{}: …{} against …{}", a.name, a.shown(at), b.shown(at))));
        }
        reordered = true;
    }
    let padded = first.len() != second.len() || !reordered;
    Ok(padded.then(|| format!("{} bytes against {}", first.len(), second.len())))
}

/// One entry of a tar.
#[derive(Debug, PartialEq, Eq)]
struct Record<'a> {
    name: String,
    header: &'a [u8],
    content: &'a [u8],
}

impl Record<'_> {
    /// A little of the content around a byte.
    fn shown(&self, at: usize) -> String {
        let (from, to) = (at.saturating_sub(40), (at + 80).min(self.content.len()));
        String::from_utf8_lossy(self.content.get(from..to).unwrap_or_default()).into_owned()
    }
}

fn records(mut bytes: &[u8]) -> Result<Vec<Record<'_>>> {
    let mut records = Vec::new();
    loop {
        let (header, rest) = bytes.split_at_checked(BLOCK).context("the archive ends without a trailer")?;
        if header.iter().all(|byte| *byte == 0) {
            return Ok(records);
        }
        let field = |from: usize, to: usize| {
            let field = header.get(from..to).and_then(|field| field.split(|byte| *byte == 0).next());
            str::from_utf8(field.unwrap_or_default()).context("a header that is no text")
        };
        ensure!(field(257, 263)? == "ustar", "not a ustar header");
        let kind = field(156, 157)?;
        ensure!(matches!(kind, "0" | "5"), "an entry of type {kind:?}");
        let name = field(0, 100)?.to_owned();
        let size = usize::from_str_radix(field(124, 136)?.trim(), 8).with_context(|| name.clone())?;
        let (content, _) = rest.split_at_checked(size).with_context(|| name.clone())?;
        bytes = rest.get(size.next_multiple_of(BLOCK)..).with_context(|| name.clone())?;
        records.push(Record { name, header, content });
    }
}

/// The images of a `manifest.json`, sorted.
fn lines(manifest: &[u8]) -> Result<Vec<String>> {
    let Value::Array(images) = serde_json::from_slice(manifest)? else { bail!("manifest.json is no list") };
    let mut lines: Vec<_> = images.iter().map(Value::to_string).collect();
    lines.sort();
    Ok(lines)
}
