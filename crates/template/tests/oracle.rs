//! Every template of `cases.json`, against what Go made of it.
//!
//! `expected.json` is written by `oracle/main.go`, which says how; write it anew after changing the cases.

use barge_template::Template;
use serde_json::Value;

#[test]
fn templates_come_out_as_in_go() {
    let table: Value = serde_json::from_str(include_str!("cases.json")).unwrap();
    let expected: Value = serde_json::from_str(include_str!("expected.json")).unwrap();
    let cases = table["cases"].as_array().unwrap();
    let expected = expected.as_array().unwrap();
    assert_eq!(cases.len(), expected.len(), "expected.json is out of date");

    let mut failures = Vec::new();
    for (case, expected) in cases.iter().zip(expected) {
        assert_eq!(case["template"], expected["template"], "expected.json is out of date");
        let text = case["template"].as_str().unwrap();
        let data = &table["data"][case["data"].as_str().unwrap()];
        let result = match Template::parse(text) {
            Ok(template) if case["header"] == true => template.execute_header(data),
            Ok(template) => template.execute(data),
            Err(error) => {
                let error = error.to_string();
                if expected["error"] != error.as_str() {
                    failures.push(format!("{text}\n  got parse error {error}\n  want {expected}"));
                }
                continue;
            }
        };
        let (key, got) = match result {
            Ok(output) => ("output", output),
            Err(error) => ("error", error.to_string()),
        };
        if expected[key] != got.as_str() {
            failures.push(format!("{text}\n  got {key} {got:?}\n  want {expected}"));
        }
    }
    assert!(failures.is_empty(), "{} of {} differ:\n{}", failures.len(), cases.len(), failures.join("\n"));
}
