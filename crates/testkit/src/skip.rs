//! Skips that are seen.

use std::io::Write;

/// Says on the real standard error, which the test runner does not capture, what was not tested and why.
pub fn skip(what: &str, why: &str) {
    // A test without anybody to tell is still skipped.
    let _ = writeln!(std::io::stderr(), "SKIP {what}: {why}");
}
