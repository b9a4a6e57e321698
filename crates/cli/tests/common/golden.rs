//! Texts that are kept beside the tests.

use std::fs;
use std::path::Path;

/// Compares with `golden/NAME`; with `UPDATE_GOLDENS=1` in the environment the text is kept instead.
#[track_caller]
pub(crate) fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDENS").is_some_and(|v| v == "1") {
        fs::write(&path, text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "{name} is\n{text}\nand should be\n{kept}");
}

/// A table without one of its columns; what is relative to the time now would not stay the same.
pub(crate) fn without_column(table: &str, title: &str) -> String {
    let header = table.lines().next().unwrap_or_default();
    let from = header.find(title).unwrap();
    let to = header[from..]
        .find("   ")
        .map_or(header.len(), |gap| from + gap + header[from + gap..].find(|c| c != ' ').unwrap_or_default());
    let cut = |line: &str| {
        let kept = line.chars().enumerate().filter(|(n, _)| !(from..to).contains(n));
        kept.map(|(_, c)| c).collect::<String>() + "\n"
    };
    table.lines().map(cut).collect()
}
