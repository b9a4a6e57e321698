//! Formats: whatever they are, they end, and within their bounds.
#![no_main]

use barge_template::Template;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|text: &str| {
    let data = json!({
        "ID": "sha256:0", "Size": 12, "Tags": ["a", "b"], "Labels": {"k": "v"}, "Nested": {"Of": [1, 2.5, null]}, "Empty": null
    });
    if let Ok(template) = Template::parse(text) {
        drop(template.execute(&data));
    }
});
