//! Filters: whatever key, value, pattern and time are given, there is an answer; a name always matches itself.
#![no_main]

use barge_core::ops::{Filters, reference_matches, time};
use barge_oci::Reference;
use jiff::{Timestamp, tz::TimeZone};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    let now = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
    drop(Filters::default().add(key, value, &now));
    let _ = time(text, &now);
    let Ok(name) = Reference::parse(key) else { return };
    let _ = reference_matches(&name, value);
    if !key.contains(['*', '?', '[', '\\']) {
        assert!(reference_matches(&name, &name.familiar()), "{name}");
    }
});
